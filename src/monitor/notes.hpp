// What the container's first process has to say for the log alone.
#pragma once

#include "child/blob.hpp"

namespace berth::monitor {

// kSkipped and kOutput.
void log_note(const child::BlobView& blob, const child::Message& message);

}  // namespace berth::monitor
