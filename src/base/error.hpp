// A failure as a value: what was tried, on which object, why it failed, which configuration line asked, what to do.
// Library code builds and passes Errors; the text is made once, at the edge, by render().
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

// The configuration line that a value came from.
struct Origin {
  std::string file;
  unsigned line = 0;  // counted from 1; 0 = not from a file (built-in default, command line)
  std::string text;   // "key = value" as it was written

  [[nodiscard]] bool known() const { return !file.empty(); }
};

class [[nodiscard]] Error {
 public:
  // A kernel refusal: `operation` is what was called ("mount_setattr"), `object` what it was called on (path, key, interface).
  static Error from_errno(int code, std::string_view operation, std::string_view object = {});
  // A refusal of our own. `code` is the errno that a C caller shall see.
  static Error message(std::string_view text, int code = 22 /* EINVAL */);

  Error(Error&&) noexcept = default;
  Error& operator=(Error&&) noexcept = default;
  Error(const Error& other);
  Error& operator=(const Error& other);
  ~Error() = default;

  // Each context is the next larger thing that was being done; the outermost one becomes the headline.
  Error&& context(std::string_view what) &&;
  Error&& because(std::string_view why) &&;
  Error&& hint(std::string_view what_to_do) &&;
  Error&& set_by(Origin origin) &&;
  // Output of a program that failed (a hook, a template), shown indented as it was written.
  Error&& output(std::string_view text) &&;

  [[nodiscard]] int code() const { return data_->code; }
  [[nodiscard]] const std::string& operation() const { return data_->operation; }
  [[nodiscard]] const std::string& object() const { return data_->object; }
  [[nodiscard]] const std::string& because() const { return data_->because; }
  [[nodiscard]] const std::string& hint() const { return data_->hint; }
  [[nodiscard]] const std::string& output() const { return data_->output; }
  [[nodiscard]] const Origin& origin() const { return data_->origin; }
  // Innermost first.
  [[nodiscard]] const std::vector<std::string>& contexts() const { return data_->contexts; }

  // The failing call alone: "mount(/dev/shm): Permission denied (EACCES)".
  [[nodiscard]] std::string cause() const;
  // One line: headline and cause, for logs and wrapped errors.
  [[nodiscard]] std::string line() const;
  // The whole text for a person: first line "PROGRAM: SUBJECT: headline", the rest indented by two blanks, each ended by '\n'.
  [[nodiscard]] std::string render(std::string_view program, std::string_view subject) const;

 private:
  struct Data {
    int code = 0;
    std::string operation;
    std::string object;
    std::string because;
    std::string hint;
    std::string output;
    Origin origin;
    std::vector<std::string> contexts;
  };
  Error() : data_(std::make_unique<Data>()) {}
  std::unique_ptr<Data> data_;
};

// "EINVAL" for 22; "E999" for a number without a name.
std::string errno_name(int code);

}  // namespace berth
