// Linked into llama.cpp's tools: their log is written by a thread that nothing waits for at the end (common_log_main in
// common/log.cpp), so the last lines, which hold the results, can be lost.
#include "log.h"

namespace {
struct FlushAtExit {
    ~FlushAtExit() { common_log_flush(common_log_main()); }
} flush_at_exit;
}  // namespace
