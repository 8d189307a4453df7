// Whether a sanitizer watches memory: pools are switched off then, so that it sees every use after
// free and every race.
#pragma once

namespace fairlead::internal {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kMemoryIsWatched = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kMemoryIsWatched = true;
#else
inline constexpr bool kMemoryIsWatched = false;
#endif
#else
inline constexpr bool kMemoryIsWatched = false;
#endif

}  // namespace fairlead::internal
