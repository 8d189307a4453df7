// Names of XML elements for any text, and back. Private to the room.
//
// Element names cannot begin with a digit or hold most signs, and keys of maps may be anything. As
// in ISO 9075-14 (SQL/XML), 9.1, a character that may not stand where it is becomes _xHHHH_, its
// code point in four to six hexadecimal digits, and so does a _ that begins such a sequence. Beyond
// ASCII every character is written so. No text at all, which the standard does not have, is a lone
// _.
#pragma once

#include <string>
#include <string_view>

namespace fairlead::codec::internal {

// `text` is UTF-8.
void append_xml_name(std::string& out, std::string_view text);
// The text that append_xml_name() made this name of; other names come back as they are.
std::string text_of_xml_name(std::string_view name);

}  // namespace fairlead::codec::internal
