// Reusable codecs. Each is a template over the path of members that leads from Conf to the value:
// `text<&Conf::rootfs, &RootfsConf::mount>()` reads, prints and resets conf.rootfs.mount.
#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/strings.hpp"
#include "config/key_table.hpp"

namespace berth::config {

// "bad value for KEY at column N: expected EXPECTED, found "FOUND"". When `found` is a part of the value, the column is its own.
Error bad_value(const Assignment& assignment, std::string_view expected, std::string_view found);
inline Error bad_value(const Assignment& assignment, std::string_view expected) {
  return bad_value(assignment, expected, assignment.value);
}
// "KEY excludes OTHER", naming where the other one was set.
Error excluded_by(const Assignment& assignment, std::string_view other, const Origin& where);

// `lower` in lower case; the text in any.
bool equal_ignoring_case(std::string_view text, std::string_view lower);

// Numbers as strtol reads them with base 0: decimal, 0x for base 16, leading 0 for base 8. No blanks, no trailing text.
std::optional<std::int64_t> parse_integer(std::string_view text);
// Bytes with an optional unit; 1 kB = 1024 bytes. Upper or lower case. `short_units` also takes K, M and G alone.
std::optional<std::uint64_t> parse_size(std::string_view text, bool short_units);

// 0 or 1, in any of the forms of parse_integer.
Result<bool> parse_flag(const Assignment& assignment);
// Without "//", "/./" and a '/' at its end; ".." stays, as what it means depends on the files.
std::string simplified_path(std::string_view path);

// Checks for checked_text and path.
Status check_absolute_path(const Assignment& assignment);
Status check_relative_path(const Assignment& assignment);  // not empty, no leading '/', no ".."
Status check_command_line(const Assignment& assignment);

const Conf& default_conf();

template <auto First, auto... Rest, typename Object>
auto& at(Object& object) {
  if constexpr (sizeof...(Rest) == 0)
    return object.*First;
  else
    return at<Rest...>(object.*First);
}
template <auto... Path>
using ValueAt = std::remove_cvref_t<decltype(at<Path...>(std::declval<Conf&>()))>;

namespace detail {

template <auto... Path>
void reset(Conf& conf, const KeyRef&) {
  at<Path...>(conf) = at<Path...>(default_conf());
}

template <auto Check, auto... Path>
Status set_text(Conf& conf, const Assignment& assignment) {
  if constexpr (Check != nullptr) TRY(Check(assignment));
  at<Path...>(conf) = std::string(assignment.value);
  return {};
}
template <auto... Path>
Status get_text(const Conf& conf, const KeyRef&, TextWriter& out) {
  out.add(at<Path...>(conf));
  return {};
}

template <auto Check, auto... Path>
Status set_path(Conf& conf, const Assignment& assignment) {
  if constexpr (Check != nullptr) TRY(Check(assignment));
  at<Path...>(conf) = simplified_path(assignment.value);
  return {};
}

template <auto... Path>
Status set_flag(Conf& conf, const Assignment& assignment) {
  at<Path...>(conf) = TRY(parse_flag(assignment));
  return {};
}
template <auto... Path>
Status get_flag(const Conf& conf, const KeyRef&, TextWriter& out) {
  out.add(at<Path...>(conf) ? '1' : '0');
  return {};
}

template <auto... Path>
Status set_number(Conf& conf, const Assignment& assignment) {
  using Number = ValueAt<Path...>;
  constexpr bool kSigned = std::is_signed_v<Number>;
  const auto number = parse_integer(assignment.value);
  if (!number || !std::in_range<Number>(*number)) {
    return fail(bad_value(assignment, kSigned ? "a whole number" : "a whole number, not negative"));
  }
  at<Path...>(conf) = static_cast<Number>(*number);
  return {};
}
template <auto... Path>
Status get_number(const Conf& conf, const KeyRef&, TextWriter& out) {
  out.add(at<Path...>(conf));
  return {};
}

template <auto... Path>
Status append_text(Conf& conf, const Assignment& assignment) {
  at<Path...>(conf).push_back({std::string(assignment.value), assignment.origin});
  return {};
}
template <auto... Path>
Status get_lines(const Conf& conf, const KeyRef&, TextWriter& out) {
  for (const auto& item : at<Path...>(conf)) {
    if constexpr (std::is_same_v<std::remove_cvref_t<decltype(item)>, std::string>)
      out.add(item, '\n');
    else
      out.add(item.value, '\n');
  }
  return {};
}

template <auto... Path>
Status append_words(Conf& conf, const Assignment& assignment) {
  for (const std::string_view word : strings::split_words(assignment.value)) at<Path...>(conf).emplace_back(word);
  return {};
}

}  // namespace detail

// A text as it is.
template <auto... Path>
constexpr Codec text() {
  return {detail::set_text<nullptr, Path...>, detail::get_text<Path...>, detail::reset<Path...>};
}
// A text that passes `Check`, a Status (*)(const Assignment&).
template <auto Check, auto... Path>
constexpr Codec checked_text() {
  return {detail::set_text<Check, Path...>, detail::get_text<Path...>, detail::reset<Path...>};
}
// A path that passes `Check`, without "//", "/./" and a '/' at its end.
template <auto Check, auto... Path>
constexpr Codec path() {
  return {detail::set_path<Check, Path...>, detail::get_text<Path...>, detail::reset<Path...>};
}
// 0 or 1.
template <auto... Path>
constexpr Codec flag() {
  return {detail::set_flag<Path...>, detail::get_flag<Path...>, detail::reset<Path...>};
}
// An integer in the range of the member's type.
template <auto... Path>
constexpr Codec number() {
  return {detail::set_number<Path...>, detail::get_number<Path...>, detail::reset<Path...>};
}
// One SourcedText a line.
template <auto... Path>
constexpr Codec text_list() {
  return {detail::append_text<Path...>, detail::get_lines<Path...>, detail::reset<Path...>};
}
// Blank separated words into a vector of strings.
template <auto... Path>
constexpr Codec word_list() {
  return {detail::append_words<Path...>, detail::get_lines<Path...>, detail::reset<Path...>};
}

}  // namespace berth::config
