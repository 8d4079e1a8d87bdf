// SPDX-License-Identifier: BSD-3-Clause
// Signs of life among the processes of one run.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>

#include "core/launch.hpp"

namespace cortune::train {

// A thread that says every few seconds that this process is there and listens to the others, and one that watches
// it: a sum waits for a process whose connection was closed not at all, but for one whose machine is gone, or that
// hangs, for as long as the network lets it, and so does a question to the meeting point. Of a process that is silent
// for `silence` rounds, or when the meeting point is gone or silent, `lost` is called with what happened, from
// one of these threads; it must not return to work. It is called, too, with a signal that nobody has looked at for as
// long. Rounds are counted, not seconds: where all processes are suspended together none is missed.
class Heartbeat {
  public:
    static constexpr int round_seconds = 4, silence = 5;

    // Its own connection to the meeting point: a blocking read of another thread would hold the store's lock.
    Heartbeat(const Launch& launch, std::function<void(const std::string& what, int signal)> lost);
    ~Heartbeat();
    Heartbeat(const Heartbeat&) = delete;
    Heartbeat& operator=(const Heartbeat&) = delete;

  private:
    void beat(const Launch& launch);
    void watch();
    static void wait_a_round(const std::atomic<bool>& stop);

    std::function<void(const std::string&, int)> lost_;
    std::atomic<bool> over_ = false, beaten_ = false;  // that it shall end, and that the first thread has
    std::atomic<std::int64_t> rounds_ = 0;  // that the meeting point has answered
    std::thread beating_, watching_;
};

}  // namespace cortune::train
