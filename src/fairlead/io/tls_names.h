// What a certificate says of its owner. Private to the room.
#pragma once

#include <string>
#include <vector>

#include "fairlead/io/tls_openssl.h"

namespace fairlead::io::internal {

// "CN=shop,O=Mall": the subject as RFC 2253 writes it.
std::string subject_of(const X509* certificate);
// The DNS names and URIs that it is for, in its order. Names with a zero byte are left out.
std::vector<std::string> names_of(const X509* certificate);

}  // namespace fairlead::io::internal
