// Runs in: the command or library caller that reads configuration.
#include "config/command_line.hpp"

#include "base/strings.hpp"

namespace berth::config {
namespace {

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  Result<std::vector<std::string>> run() {
    while (at_ < text_.size()) TRY(step());
    finish_word();
    return std::move(words_);
  }

 private:
  Status step() {
    const char c = text_[at_];
    if (strings::kBlanks.find(c) != std::string_view::npos) {
      finish_word();
      ++at_;
      return {};
    }
    in_word_ = true;
    if (c == '\'' || c == '"') return quoted(c);
    if (c == '\\') return escaped();
    word_ += c;
    ++at_;
    return {};
  }

  Status escaped() {
    if (at_ + 1 >= text_.size()) return fail("the backslash at the end escapes nothing");
    word_ += text_[at_ + 1];
    at_ += 2;
    return {};
  }

  Status quoted(char quote) {
    const std::size_t start = at_++;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == quote) {
        ++at_;
        return {};
      }
      const bool escape = quote == '"' && text_[at_] == '\\' && at_ + 1 < text_.size();
      if (escape && (text_[at_ + 1] == '"' || text_[at_ + 1] == '\\')) ++at_;
      word_ += text_[at_];
    }
    return fail(strings::cat("the quote ", quote, " at character ", start + 1, " is not closed"));
  }

  void finish_word() {
    if (in_word_) words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<std::string> words_;
  std::string word_;
  bool in_word_ = false;
};

}  // namespace

Result<std::vector<std::string>> split_command_line(std::string_view text) { return Splitter(text).run(); }

}  // namespace berth::config
