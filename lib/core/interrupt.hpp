// SPDX-License-Identifier: BSD-3-Clause
// SIGINT, SIGTERM, SIGHUP and SIGXCPU set a flag; long loops ask for it at points where stopping is safe.
#pragma once

namespace cortune {

// Installs the handlers (a second signal of the same kind ends the process at
// once) and ignores SIGPIPE and SIGXFSZ, so that a closed pipe or a full disk
// arrives as an error of the write that met it.
void install_signal_handlers();

// The signal that arrived, or 0.
int pending_signal() noexcept;

// Throws Interrupted if a signal arrived.
void check_interrupt();

}  // namespace cortune
