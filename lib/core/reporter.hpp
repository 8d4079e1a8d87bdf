// SPDX-License-Identifier: BSD-3-Clause
// How a library function speaks while it works. The library never prints; the
// command line implements this, tests use the silent one.
#pragma once

#include <cstdint>
#include <string>

namespace cortune {

class Reporter {
  public:
    virtual ~Reporter() = default;
    virtual void info(const std::string&) {}
    virtual void detail(const std::string&) {}  // shown with --verbose
    virtual void warn(const std::string&) {}
    // done == total ends the line or bar of this label.
    virtual void progress(const std::string& label, std::int64_t done, std::int64_t total) {
        (void)label, (void)done, (void)total;
    }
};

}  // namespace cortune
