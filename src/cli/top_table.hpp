// What lxc-top shows of a sample: the rows in their order, as a table for a terminal, as comma separated values, as JSON.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "runtime/rates.hpp"

namespace berth::cli {

struct TopView {
  char sort = 'n';          // of top_sort_keys()
  bool reverse = false;     // names ascend, numbers descend, unless reversed
  bool interfaces = false;  // one line more for each
};

struct TopRow {
  const runtime::Usage* usage;
  const runtime::Rates* rates;
};

// "ncbmskpt": as LXC has them, and p (processes), t (traffic of the network).
std::string_view top_sort_keys();

// `rates` as of rates_between(); both must outlive the rows.
std::vector<TopRow> sorted_rows(const runtime::Sample& sample, const std::vector<runtime::Rates>& rates, const TopView& view);

// Two lines of titles, as many containers as fit, and the sum of all; no line end after the last. As LXC's, as far as the width
// has room for its columns, with columns of berth's; the first that give way are those that matter least. `silent` is counted as
// running, and not shown.
struct TopTable {
  std::vector<std::string> titles, lines;
};
TopTable top_table(const std::vector<TopRow>& rows, const TopView& view, std::size_t silent, std::size_t width,
                   std::size_t height);

// Comma separated values, LXC's columns; `extended`: with berth's behind them.
std::string batch_titles(bool extended);
std::string batch_lines(const runtime::Sample& sample, const std::vector<TopRow>& rows, bool extended);

// One line for each container.
std::string json_lines(const runtime::Sample& sample, const std::vector<TopRow>& rows);

}  // namespace berth::cli
