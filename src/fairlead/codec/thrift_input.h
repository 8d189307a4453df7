// StrictThriftInput: libthrift's reader, held to the types that the body itself names. For
// thrift_struct.h; it needs libthrift.
#pragma once

#include <thrift/protocol/TProtocolDecorator.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace fairlead::codec::internal {

// Code of the Thrift compiler ignores the type that a list, set or map says its elements have. It
// would read a list of bytes as one of structs, lose its place in a body whose every size was
// checked, and make as many structs as a number says that it finds there. Here that ends the
// reading.
class StrictThriftInput final : public apache::thrift::protocol::TProtocolDecorator {
  using Base = apache::thrift::protocol::TProtocolDecorator;
  using Type = apache::thrift::protocol::TType;

 public:
  explicit StrictThriftInput(std::shared_ptr<apache::thrift::protocol::TProtocol> reader)
      : Base(std::move(reader)) {}

  // The reading ended because elements were of another type than the reader wanted.
  bool wrong_type() const { return wrong_type_; }

  std::uint32_t readStructBegin_virt(std::string& name) override {
    expect(Type::T_STRUCT);
    open_.push_back({Type::T_STOP, Type::T_STOP});
    return Base::readStructBegin_virt(name);
  }
  std::uint32_t readStructEnd_virt() override { return close(Base::readStructEnd_virt()); }
  std::uint32_t readMapBegin_virt(Type& key, Type& value, std::uint32_t& size) override {
    expect(Type::T_MAP);
    const std::uint32_t read = Base::readMapBegin_virt(key, value, size);
    open_.push_back({key, value});
    return read;
  }
  std::uint32_t readMapEnd_virt() override { return close(Base::readMapEnd_virt()); }
  std::uint32_t readListBegin_virt(Type& element, std::uint32_t& size) override {
    expect(Type::T_LIST);
    const std::uint32_t read = Base::readListBegin_virt(element, size);
    open_.push_back({element, element});
    return read;
  }
  std::uint32_t readListEnd_virt() override { return close(Base::readListEnd_virt()); }
  std::uint32_t readSetBegin_virt(Type& element, std::uint32_t& size) override {
    expect(Type::T_SET);
    const std::uint32_t read = Base::readSetBegin_virt(element, size);
    open_.push_back({element, element});
    return read;
  }
  std::uint32_t readSetEnd_virt() override { return close(Base::readSetEnd_virt()); }

  std::uint32_t readBool_virt(bool& value) override {
    expect(Type::T_BOOL);
    return Base::readBool_virt(value);
  }
  std::uint32_t readBool_virt(std::vector<bool>::reference value) override {
    expect(Type::T_BOOL);
    return Base::readBool_virt(value);
  }
  std::uint32_t readByte_virt(std::int8_t& value) override {
    expect(Type::T_BYTE);
    return Base::readByte_virt(value);
  }
  std::uint32_t readI16_virt(std::int16_t& value) override {
    expect(Type::T_I16);
    return Base::readI16_virt(value);
  }
  std::uint32_t readI32_virt(std::int32_t& value) override {
    expect(Type::T_I32);
    return Base::readI32_virt(value);
  }
  std::uint32_t readI64_virt(std::int64_t& value) override {
    expect(Type::T_I64);
    return Base::readI64_virt(value);
  }
  std::uint32_t readDouble_virt(double& value) override {
    expect(Type::T_DOUBLE);
    return Base::readDouble_virt(value);
  }
  std::uint32_t readString_virt(std::string& value) override {
    expect(Type::T_STRING);
    return Base::readString_virt(value);
  }
  std::uint32_t readBinary_virt(std::string& value) override {
    expect(Type::T_STRING);
    return Base::readBinary_virt(value);
  }

 private:
  // The type that comes next in a container; the two swap places after each value, for maps.
  // T_STOP: in a struct, whose fields generated code compares itself.
  struct Open {
    Type next;
    Type after;
  };

  void expect(Type got) {
    if (open_.empty() || open_.back().next == Type::T_STOP) return;
    if (open_.back().next != got) {
      wrong_type_ = true;
      // More than any body has: libthrift throws, which is how its readers end.
      getTransport()->checkReadBytesAvailable(std::numeric_limits<long>::max());
    }
    std::swap(open_.back().next, open_.back().after);
  }
  std::uint32_t close(std::uint32_t read) {
    open_.pop_back();
    return read;
  }

  std::vector<Open> open_{};
  bool wrong_type_ = false;
};

}  // namespace fairlead::codec::internal
