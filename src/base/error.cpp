// Runs in: every process that reports failures.
#include "base/error.hpp"

#include "base/errno_table.hpp"

namespace berth {

Error::Error(const Error& other) : data_(std::make_unique<Data>(*other.data_)) {}

Error& Error::operator=(const Error& other) {
  if (this != &other) data_ = std::make_unique<Data>(*other.data_);
  return *this;
}

Error Error::from_errno(int code, std::string_view operation, std::string_view object) {
  Error error;
  error.data_->code = code;
  error.data_->operation = operation;
  error.data_->object = object;
  return error;
}

Error Error::message(std::string_view text, int code) {
  Error error;
  error.data_->code = code;
  error.data_->contexts.emplace_back(text);
  return error;
}

Error&& Error::context(std::string_view what) && {
  data_->contexts.emplace_back(what);
  return std::move(*this);
}

Error&& Error::because(std::string_view why) && {
  data_->because = why;
  return std::move(*this);
}

Error&& Error::hint(std::string_view what_to_do) && {
  data_->hint = what_to_do;
  return std::move(*this);
}

Error&& Error::set_by(Origin origin) && {
  data_->origin = std::move(origin);
  return std::move(*this);
}

Error&& Error::output(std::string_view text) && {
  data_->output = text;
  return std::move(*this);
}

std::string errno_name(int code) {
  const std::string_view name = errno_symbol(code);
  return name.empty() ? "E" + std::to_string(code) : std::string(name);
}

std::string Error::cause() const {
  if (data_->operation.empty()) return {};
  std::string text = data_->operation;
  if (!data_->object.empty()) text += "(" + data_->object + ")";
  if (data_->code == 0) return text;
  text += ": ";
  text += errno_description(data_->code);
  return text + " (" + errno_name(data_->code) + ")";
}

std::string Error::line() const {
  std::string text;
  for (auto it = data_->contexts.rbegin(); it != data_->contexts.rend(); ++it) {
    if (!text.empty()) text += ": ";
    text += *it;
  }
  const std::string last = cause();
  if (!text.empty() && !last.empty()) text += ": ";
  return text + last;
}

namespace {

void append_line(std::string& text, std::string_view label, std::string_view value) {
  if (value.empty()) return;
  text.append("  ").append(label).append(value).append("\n");
}

void append_output(std::string& text, std::string_view output) {
  while (!output.empty()) {
    const std::size_t end = output.find('\n');
    const std::string_view row = output.substr(0, end);
    text.append("  | ").append(row).append("\n");
    if (end == std::string_view::npos) break;
    output.remove_prefix(end + 1);
  }
}

std::string describe(const Origin& origin) {
  if (!origin.known()) return {};
  std::string text = origin.file;
  if (origin.line != 0) text += ":" + std::to_string(origin.line);
  if (!origin.text.empty()) text += "  " + origin.text;
  return text;
}

}  // namespace

std::string Error::render(std::string_view program, std::string_view subject) const {
  std::string text{program};
  if (!subject.empty()) text.append(": ").append(subject);
  const auto& contexts = data_->contexts;
  const std::string last = cause();
  text.append(": ").append(contexts.empty() ? last : contexts.back()).append("\n");
  for (std::size_t i = contexts.size(); i-- > 1;) append_line(text, "", contexts[i - 1]);
  if (!contexts.empty()) append_line(text, "", last);
  append_output(text, data_->output);
  append_line(text, "because: ", data_->because);
  append_line(text, "set by: ", describe(data_->origin));
  append_line(text, "try: ", data_->hint);
  return text;
}

}  // namespace berth
