#include "fairlead/wire/secure/secure_flags.h"

#include <gtest/gtest.h>

#include "fairlead/wire/metadata.h"

namespace fairlead::wire {
namespace {

using enum SecureForm;

TEST(SecureFlags, ReadWhatTheyWrite) {
  for (const SecureForm form : {kPlain, kErpc, kAesGcm}) {
    EXPECT_EQ(secure_form_of(secure_value_of(form)), form);
  }
  EXPECT_EQ(secure_form_of(std::nullopt), kPlain);
  EXPECT_EQ(secure_form_of("false"), kPlain);
  EXPECT_EQ(secure_form_of("TRUE"), kPlain) << "erpc compares exactly";
}

TEST(SecureFlags, AnswerInTheFormOfTheCallUnlessAskedOtherwise) {
  EXPECT_EQ(secure_reply_form(kPlain, std::nullopt), kPlain);
  EXPECT_EQ(secure_reply_form(kErpc, std::nullopt), kErpc);
  EXPECT_EQ(secure_reply_form(kAesGcm, std::nullopt), kAesGcm);

  EXPECT_EQ(secure_reply_form(kErpc, "false"), kPlain);
  EXPECT_EQ(secure_reply_form(kAesGcm, "false"), kPlain);

  EXPECT_EQ(secure_reply_form(kPlain, "true"), kErpc);
  EXPECT_EQ(secure_reply_form(kPlain, "aes-gcm"), kAesGcm);
  EXPECT_EQ(secure_reply_form(kErpc, "aes-gcm"), kAesGcm);
  EXPECT_EQ(secure_reply_form(kAesGcm, "true"), kAesGcm) << "never weaker than the call";
  EXPECT_EQ(secure_reply_form(kPlain, "maybe"), kPlain);
}

TEST(SecureFlags, AreReservedKeys) {
  EXPECT_TRUE(is_reserved_key(kSecureKey));
  EXPECT_TRUE(is_reserved_key(kAcceptSecureKey));
}

}  // namespace
}  // namespace fairlead::wire
