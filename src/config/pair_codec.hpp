// Codecs of the prefix rows that keep (name, value) pairs in the order of their lines: cgroup files, sysctls, proc files.
#pragma once

#include <algorithm>
#include <utility>

#include "config/codecs.hpp"

namespace berth::config {

enum class PairRule {
  kAppend,   // the same name twice gives two entries: "devices.allow"
  kReplace,  // the last value of a name counts
};

namespace detail {

inline std::string_view name_of(const Sourced<std::pair<std::string, std::string>>& item) { return item.value.first; }
inline const std::string& text_of(const Sourced<std::pair<std::string, std::string>>& item) { return item.value.second; }

template <PairRule Rule, auto Check, auto... Path>
Status set_pair(Conf& conf, const Assignment& assignment) {
  if constexpr (Check != nullptr) TRY(Check(assignment));
  auto& items = at<Path...>(conf);
  Sourced<std::pair<std::string, std::string>> item{{std::string(assignment.ref.sub), std::string(assignment.value)},
                                                    assignment.origin};
  // A name without a line so far has no value either: a file of thousands of names is not searched for each of them.
  if (Rule == PairRule::kReplace && conf.list_origins.contains(assignment.ref.name)) {
    const auto same = std::ranges::find(items, assignment.ref.sub, name_of);
    if (same != items.end()) {
      *same = std::move(item);
      return {};
    }
  }
  items.push_back(std::move(item));
  return {};
}

// One name: its values, each ended by '\n' where a name can have several. The bare prefix: "KEY = VALUE" lines.
template <PairRule Rule, auto... Path>
Status get_pairs(const Conf& conf, const KeyRef& ref, TextWriter& out) {
  for (const auto& item : at<Path...>(conf)) {
    if (ref.sub.empty())
      out.add(ref.key->name, '.', name_of(item), " = ", text_of(item), '\n');
    else if (name_of(item) == ref.sub)
      out.add(text_of(item), Rule == PairRule::kAppend ? std::string_view("\n") : std::string_view());
  }
  return {};
}

template <auto... Path>
void clear_pairs(Conf& conf, const KeyRef& ref) {
  std::erase_if(at<Path...>(conf), [&](const auto& item) { return ref.sub.empty() || name_of(item) == ref.sub; });
}

}  // namespace detail

template <PairRule Rule, auto Check, auto... Path>
constexpr Codec pair_list() {
  return {detail::set_pair<Rule, Check, Path...>, detail::get_pairs<Rule, Path...>, detail::clear_pairs<Path...>};
}

}  // namespace berth::config
