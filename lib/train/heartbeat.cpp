// SPDX-License-Identifier: BSD-3-Clause
#include "train/heartbeat.hpp"

#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <fmt/format.h>

#include <chrono>
#include <vector>

#include "core/interrupt.hpp"

namespace cortune::train {
namespace {

using namespace std::chrono_literals;

c10::intrusive_ptr<c10d::TCPStore> connect(const Launch& launch) {
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(launch.port);
    options.isServer = false;
    options.timeout = std::chrono::seconds(Heartbeat::round_seconds * Heartbeat::silence);
    return c10::make_intrusive<c10d::TCPStore>(launch.address, options);
}

}  // namespace

Heartbeat::Heartbeat(const Launch& launch, std::function<void(const std::string&, int)> lost)
    : lost_(std::move(lost)), beating_([this, launch] { beat(launch); }), watching_([this] { watch(); }) {}

Heartbeat::~Heartbeat() {
    over_ = true;
    beating_.join();
    watching_.join();
}

void Heartbeat::wait_a_round(const std::atomic<bool>& stop) {
    for (int i = 0; i < 10 * round_seconds && !stop; ++i) std::this_thread::sleep_for(100ms);
}

// The store of some LibTorch versions waits for an answer without end, also for the last one.
void Heartbeat::beat(const Launch& launch) {
    std::vector<std::int64_t> heard(static_cast<std::size_t>(launch.size), 0);
    std::vector<int> silent(heard.size(), 0);
    try {
        const auto store = connect(launch);
        for (; !over_; wait_a_round(over_)) {
            store->add(fmt::format("beat/{}", launch.rank), 1);
            for (int r = 0; r < launch.size && !over_; ++r) {
                const auto now = store->add(fmt::format("beat/{}", r), 0);
                auto& last = heard[static_cast<std::size_t>(r)];
                auto& count = silent[static_cast<std::size_t>(r)];
                count = now == last ? count + 1 : 0;
                last = now;
                // One that has said that it is done needs not speak any more.
                if (count > silence && r != launch.rank && store->add(fmt::format("done/{}", r), 0) == 0)
                    lost_(fmt::format("process {} of this run is silent for {} s", r, count * round_seconds), 0);
            }
            ++rounds_;
        }
        store->add(fmt::format("done/{}", launch.rank), 1);
    } catch (const std::exception& e) {
        const std::string text = e.what();
        if (!over_) lost_(fmt::format("the first process of this run cannot be reached ({})", text.substr(0, text.find('\n'))), 0);
    }
    beaten_ = true;
}

void Heartbeat::watch() {
    std::int64_t last = 0;
    int silent = 0, unheeded = 0;
    for (; !beaten_; wait_a_round(beaten_)) {
        const std::int64_t now = rounds_;
        silent = now == last ? silent + 1 : 0;
        last = now;
        unheeded = pending_signal() != 0 ? unheeded + 1 : 0;
        if (unheeded > silence) lost_("the other processes of this run do not answer", pending_signal());
        if (silent > silence) lost_(fmt::format("the first process of this run is silent for {} s", silent * round_seconds), 0);
    }
}

}  // namespace cortune::train
