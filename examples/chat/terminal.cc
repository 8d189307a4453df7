#include "terminal.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <optional>
#include <utility>

namespace {

constexpr std::string_view kHelp =
    "* what you type is said to all; /who  /msg NAME TEXT  /kick NAME  /quit";

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fputc('\n', stdout);
  std::fflush(stdout);
}

std::string clock_of(std::int64_t at_ms) {
  const std::time_t seconds = at_ms / 1000;
  std::tm local{};
  std::array<char, 16> text{};
  if (::localtime_r(&seconds, &local) == nullptr) return "--:--";
  return {text.data(), std::strftime(text.data(), text.size(), "%H:%M", &local)};
}

void print_people(const People& people) {
  std::string line = "* here are:";
  for (const std::string& name : people.names) line += " " + name;
  print(line);
}

// Takes the first word off the front of `text`.
std::string take_word(std::string& text) {
  const std::size_t end = text.find(' ');
  std::string word = text.substr(0, end);
  text = end == std::string::npos ? "" : text.substr(end + 1);
  return word;
}

}  // namespace

void Terminal::said(const Line& in) {
  if (in.number <= shown_) return;
  shown_ = in.number;
  print(clock_of(in.at_ms) + " " + in.from + ": " + in.text);
}

void Terminal::whispered(const Line& in) {
  print(clock_of(in.at_ms) + " " + in.from + " to you: " + in.text);
}

void Terminal::came(const Person& in) { print("* " + in.name + " came"); }

void Terminal::left(const Person& in) { print("* " + in.name + " left"); }

void Terminal::on_closed(const fl::SessionRef& server, const fl::Status& how) {
  if (!leaving_) {
    if (why_.empty() && server.here()->leaving()) why_ = "the chat was closed";
    if (why_.empty()) why_ = "the connection was lost";
    print("* " + why_ + (how.ok() ? "" : " (" + std::string(how.message()) + ")"));
  }
  keyboard_.close();
}

fl::Task<int> Terminal::talk(fl::SessionRef server) {
  auto entering = server.as<Chat>().enter({.name = name_, .admin_word = admin_word_});
  const fl::Result<People> here = co_await entering;
  if (!here.ok()) {
    leaving_ = true;
    print("* " + std::string(here.status().message()));
    co_return 1;
  }
  print_people(*here);
  while (true) {
    auto typing = fl::blocking(keys_, [this] { return keyboard_.next_line(); });
    const fl::Result<std::optional<std::string>> typed = co_await typing;
    if (!typed.ok() || !typed->has_value() || **typed == "/quit") break;
    auto obeying = obey(server, **typed);
    const fl::Status done = co_await obeying;
    if (!done.ok() && server.open()) print("* " + std::string(done.message()));
  }
  if (!server.open()) co_return 1;
  leaving_ = true;
  co_return 0;
}

fl::Task<fl::Status> Terminal::obey(fl::SessionRef server, std::string typed) {
  auto chat = server.as<Chat>();
  if (!typed.starts_with('/')) {
    auto saying = chat.say({.text = std::move(typed)});
    const fl::Result<SayResult> told = co_await saying;
    co_return told.status();
  }
  const std::string command = take_word(typed);
  if (command == "/who") {
    auto asking = chat.who({});
    FL_CO_TRY_ASSIGN(const People people, co_await asking);
    print_people(people);
  } else if (command == "/msg") {
    std::string to = take_word(typed);
    auto whispering = chat.whisper({.to = std::move(to), .text = std::move(typed)});
    FL_CO_TRY(co_await whispering);
  } else if (command == "/kick") {
    auto kicking = chat.kick({.name = std::move(typed)});
    FL_CO_TRY(co_await kicking);
  } else {
    print(kHelp);
  }
  co_return fl::Status();
}
