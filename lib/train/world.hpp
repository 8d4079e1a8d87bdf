// SPDX-License-Identifier: BSD-3-Clause
// The processes that share one tuning: each computes some rows of every batch, and what they need
// of one another goes through sums over all of them (c10d: Gloo on CPUs and where processes share a GPU, NCCL
// where each has its own).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/launch.hpp"
#include "nn/torch.hpp"
#include "train/heartbeat.hpp"

namespace cortune::train {

// The rows of a batch of `total` that this process computes.
struct Rows {
    std::int64_t first = 0, count = 0, total = 0;
};

class World {
  public:
    World();  // one process: every function below hands back what it is given
    // Meets the others at launch.address, for up to five minutes, and asks choose_device meanwhile; where
    // that fails in one of them all end at once. `lost` is Heartbeat's. Throws ResourceError where they do
    // not come, UsageError where the launcher names no place to meet, and what choose_device throws.
    World(const Launch& launch, const std::function<torch::Device()>& choose_device, std::function<void(const std::string&, int)> lost);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    int rank() const { return rank_; }
    int size() const { return size_; }
    bool writes() const { return rank_ == 0; }
    torch::Device device() const { return device_; }

    // Consecutive rows by rank, their numbers at most one apart; none for the last ranks of a batch
    // that is smaller than the world.
    Rows share(std::int64_t total) const;

    // All of the following are called by all processes in the same order, and throw RunFailed where
    // one of them has gone.
    //
    // Sum over the processes. Its gradient is the sum of theirs: with a loss that is the sum of the
    // processes' parts every input gets its whole gradient.
    torch::Tensor sum(const torch::Tensor& x) const;
    // Everyone's rows (rows.total × …) from the own ones, with gradient likewise.
    torch::Tensor gather(const torch::Tensor& own, const Rows& rows) const;
    // The gradients of all parts of the loss, added; undefined where no process has one.
    void sum_gradients(const std::vector<torch::Tensor>& parameters) const;
    double sum(double value) const;
    // A signal that reached any of them stops all at this place: throws Interrupted.
    void check_interrupt() const;
    // What rank 0 says. Short texts, each with a key of its own.
    std::string from_first(const std::string& key, const std::string& text) const;
    void barrier() const;
    void reduce(torch::Tensor& x) const;  // in place; contiguous; no gradient

  private:
    struct Group;
    void wait_for_all(const std::string& by) const;
    int rank_ = 0, size_ = 1;
    torch::Device device_ = torch::kCPU;
    std::unique_ptr<Group> group_;
    std::unique_ptr<Heartbeat> heartbeat_;  // ends before the group
};

}  // namespace cortune::train
