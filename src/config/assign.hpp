// One key and one value into Conf: the step that files, the API and --define share.
#pragma once

#include <string_view>

#include "base/result.hpp"
#include "config/key_table.hpp"

namespace berth::config {

// The row of `name`. Unknown and legacy names are Errors that say which name is meant; `file` is named in the way out.
Result<KeyRef> resolve_key(std::string_view name, std::string_view file);

// Sets the value, or clears the key when it is empty. Not for rows with kInclude. Keeps conf.origins; not conf.unexpanded.
Status assign(Conf& conf, const KeyRef& ref, std::string_view value, const Origin& origin, unsigned column);

// Back to the default, without touching conf.unexpanded.
void clear(Conf& conf, const KeyRef& ref);

// Reads the file or directory that an lxc.include names; `origin` is the line that asked.
Status include(Conf& conf, std::string_view path, const Origin& origin);

}  // namespace berth::config
