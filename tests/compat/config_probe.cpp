// Runs in: the tests that compare configuration with another library.
// Takes commands about one configuration from standard input, a line each, its words in hexadecimal so that any text can be one;
// answers "ok", "ok TEXT" or "no MESSAGE", the texts in hexadecimal too.
//   new | set KEY VALUE | clear KEY | get KEY | keys [PREFIX] | load FILE | text
#include <iostream>
#include <string>
#include <vector>

#include "base/strings.hpp"
#include "config/parser.hpp"

namespace {

using berth::Result;
using berth::Status;
using berth::config::Conf;

std::string hex(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += {kDigits[byte >> 4U], kDigits[byte & 15U]};
  }
  return out;
}

std::string unhex(std::string_view digits) {
  std::string out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    out += static_cast<char>(berth::strings::parse_number<unsigned>(digits.substr(i, 2), 16).value_or('?'));
  }
  return out;
}

void answer(const Status& status) { std::cout << (status ? std::string("ok") : "no " + hex(status.error().line())) << '\n'; }

void answer(const Result<std::string>& text) {
  std::cout << (text ? "ok " + hex(*text) : "no " + hex(text.error().line())) << '\n';
}

bool obey(Conf& conf, const std::string& verb, const std::vector<std::string>& words) {
  const std::string first = words.empty() ? std::string() : words[0];
  const std::string second = words.size() < 2 ? std::string() : words[1];
  if (verb == "new") {
    conf = Conf{};
    answer(Status{});
  } else if (verb == "set") {
    answer(set_item(conf, first, second));
  } else if (verb == "clear") {
    answer(clear_item(conf, first));
  } else if (verb == "get") {
    answer(get_item(conf, first));
  } else if (verb == "keys") {
    answer(keys_text(conf, first));
  } else if (verb == "load") {
    answer(load_file(conf, first));
  } else if (verb == "text") {
    answer(Result<std::string>(conf.unexpanded));
  } else {
    return false;
  }
  return true;
}

}  // namespace

int main() {
  Conf conf;
  std::string line;
  while (std::getline(std::cin, line)) {
    const auto pieces = berth::strings::split(line, ' ');
    std::vector<std::string> words;
    for (std::size_t i = 1; i < pieces.size(); ++i) words.push_back(unhex(pieces[i]));
    if (!obey(conf, std::string(pieces[0]), words)) return 2;
    std::cout.flush();
  }
  return 0;
}
