// Heads after those of real clients, composed by hand: what the measurements of heads read.
#pragma once

#include <string_view>

namespace fairlead::bench {

// wrk 4.1: what most published figures of requests a second are made with.
inline constexpr std::string_view kWrkHead =
    "GET / HTTP/1.1\r\n"
    "Host: 127.0.0.1:8080\r\n"
    "\r\n";

// curl 7.88.
inline constexpr std::string_view kCurlHead =
    "GET /math/divide?a=10&b=2 HTTP/1.1\r\n"
    "Host: 127.0.0.1:8080\r\n"
    "User-Agent: curl/7.88.1\r\n"
    "Accept: */*\r\n"
    "Content-Type: application/json\r\n"
    "\r\n";

// Chromium on Linux, a fetch() of a page with a session: 14 fields, about 750 bytes.
inline constexpr std::string_view kBrowserHead =
    "GET /v1/orders/8123/items?sort=price&page=2 HTTP/1.1\r\n"
    "Host: shop.example.com\r\n"
    "Connection: keep-alive\r\n"
    "sec-ch-ua: \"Chromium\";v=\"128\", \"Not;A=Brand\";v=\"24\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/128.0.0.0 Safari/537.36\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "Accept: application/json, text/plain, */*\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: cors\r\n"
    "Sec-Fetch-Dest: empty\r\n"
    "Referer: https://shop.example.com/orders/8123\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-US,en;q=0.9\r\n"
    "Cookie: session=7f3a9c41d2b84e06a5; theme=dark; _ga=GA1.1.1187325412.1723456789\r\n"
    "\r\n";

inline constexpr std::string_view kResponseHead =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: application/json\r\n"
    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
    "Content-Length: 27\r\n"
    "\r\n";

}  // namespace fairlead::bench
