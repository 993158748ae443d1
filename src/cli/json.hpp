// Writes JSON text as it goes. For the --json of the commands: small, no parse, no heap beyond the text.
#pragma once

#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace berth::cli {

class JsonWriter {
 public:
  enum class Layout { kIndented, kOneLine };
  explicit JsonWriter(Layout layout = Layout::kIndented) : one_line_(layout == Layout::kOneLine) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  // In an object, before each value.
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);  // bytes that are no UTF-8 become U+FFFD
  JsonWriter& value(const char* text) { return value(std::string_view(text)); }
  JsonWriter& value(std::integral auto number) { return raw(std::to_string(number)); }
  JsonWriter& value(bool flag) { return raw(flag ? "true" : "false"); }
  JsonWriter& value(const std::vector<std::string>& texts);
  JsonWriter& null() { return raw("null"); }

  // The finished text, with a newline at its end.
  [[nodiscard]] std::string take();

 private:
  JsonWriter& raw(std::string_view text);
  void separate();
  void newline();

  bool one_line_;
  std::string text_;
  std::vector<bool> has_items_;  // one entry an open object or array
  bool after_key_ = false;
};

}  // namespace berth::cli
