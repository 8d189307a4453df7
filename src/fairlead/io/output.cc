#include "fairlead/io/output.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace fairlead::io {

void Output::share(Bytes bytes) {
  if (bytes.empty()) return;
  FL_DCHECK(bytes.owned());
  if (shared_ == nullptr) shared_ = std::make_unique<Shares>();
  const std::size_t before = buffer_.size() - shared_->covered;
  shared_->covered += before;
  shared_->bytes += bytes.size();
  shared_->list.push_back({before, std::move(bytes)});
}

std::size_t Output::gather(std::span<std::string_view> pieces) const {
  std::size_t count = 0;
  const auto add = [&](std::string_view piece) {
    if (!piece.empty() && count < pieces.size()) pieces[count++] = piece;
  };
  std::string_view rest = buffer_.view();
  if (shared_ != nullptr) {
    for (std::size_t i = shared_->first; i < shared_->list.size() && count < pieces.size(); ++i) {
      const Share& share = shared_->list[i];
      add(rest.substr(0, share.before));
      rest.remove_prefix(share.before);
      add(share.bytes.view());
    }
  }
  add(rest);
  return count;
}

std::size_t Output::copy_front(char* out, std::size_t count) const {
  std::size_t copied = 0;
  const auto copy = [&](std::string_view piece) {
    const std::size_t part = std::min(piece.size(), count - copied);
    if (part > 0) std::memcpy(out + copied, piece.data(), part);
    copied += part;
  };
  std::string_view rest = buffer_.view();
  if (shared_ != nullptr) {
    for (std::size_t i = shared_->first; i < shared_->list.size() && copied < count; ++i) {
      const Share& share = shared_->list[i];
      copy(rest.substr(0, share.before));
      rest.remove_prefix(share.before);
      copy(share.bytes.view());
    }
  }
  copy(rest);
  return copied;
}

void Output::consume_with_shares(std::size_t count) {
  FL_DCHECK(count <= size());
  while (count > 0 && shared_ != nullptr) {
    Share& share = shared_->list[shared_->first];
    const std::size_t own = std::min(count, share.before);
    buffer_.consume(own);
    share.before -= own;
    shared_->covered -= own;
    count -= own;
    const std::size_t part = share.before > 0 ? 0 : std::min(count, share.bytes.size());
    shared_->bytes -= part;
    count -= part;
    if (share.before > 0) return;
    if (part < share.bytes.size()) {
      share.bytes = share.bytes.slice(part);
      return;
    }
    share.bytes = Bytes();
    if (++shared_->first == shared_->list.size()) shared_.reset();
  }
  buffer_.consume(count);
}

void Output::compact() {
  if (shared_ == nullptr) return;
  for (std::size_t i = shared_->first; i < shared_->list.size(); ++i) {
    Bytes& bytes = shared_->list[i].bytes;
    bytes = compacted(std::move(bytes));
  }
}

Bytes Output::compacted(Bytes bytes) {
  if (bytes.empty() || bytes.chunk()->capacity() / 2 <= bytes.size()) return bytes;
  return Bytes(bytes.view());
}

void Output::release() {
  buffer_.release();
  shared_.reset();
}

}  // namespace fairlead::io
