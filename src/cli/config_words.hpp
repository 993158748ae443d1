// `berth config check`, `explain`, `show` and `generate`: the words behind `config` that are no key of lxc.conf.
#pragma once

#include <string_view>
#include <vector>

namespace berth::cli {

// Those words.
std::vector<std::string_view> config_words();

// argv[0] is "berth config check" and so on.
int run_config_check(int argc, char** argv);
int run_config_explain(int argc, char** argv);
int run_config_generate(int argc, char** argv);
int run_config_show(int argc, char** argv);

}  // namespace berth::cli
