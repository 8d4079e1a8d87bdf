// SPDX-License-Identifier: BSD-3-Clause
#include "core/interrupt.hpp"

#include <csignal>

#include "core/error.hpp"

namespace cortune {
namespace {

volatile std::sig_atomic_t caught = 0;

void remember(int signal) { caught = signal; }

}  // namespace

void install_signal_handlers() {
    struct sigaction action {};
    action.sa_handler = remember;
    action.sa_flags = SA_RESTART | SA_RESETHAND;  // a second one ends at once
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    action.sa_flags = SA_RESTART;  // these come several times, from the shell and the kernel, or every second
    sigaction(SIGXCPU, &action, nullptr);
    struct sigaction hangup {};
    // nohup has it ignored.
    if (sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
}

int pending_signal() noexcept { return caught; }

void check_interrupt() {
    if (caught != 0) throw Interrupted(caught);
}

}  // namespace cortune
