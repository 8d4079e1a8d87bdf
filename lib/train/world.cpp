// SPDX-License-Identifier: BSD-3-Clause
#include "train/world.hpp"

#ifndef USE_C10D_GLOO
#define USE_C10D_GLOO
#endif
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#ifdef CORTUNE_NCCL
#ifndef USE_C10D_NCCL
#define USE_C10D_NCCL
#endif
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif
#ifdef CORTUNE_CUDA
#include <ATen/cuda/CUDAContext.h>
#endif
#include <torch/csrc/distributed/c10d/TCPStore.hpp>
#include <torch/version.h>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/system.hpp"

namespace cortune::train {

using torch::Tensor;

namespace {

#if TORCH_VERSION_MAJOR < 2
using Backend = c10d::ProcessGroup;
#else
using Backend = c10d::Backend;
#endif

constexpr std::chrono::minutes meeting{5};
constexpr std::chrono::milliseconds polling{50};
// Between two sums one process may write a large checkpoint, or read pictures from a slow disk. One
// that ends is noticed at once, by its closed connection, one that hangs by its heartbeat.
constexpr std::chrono::minutes patience{30};

// The address of this machine on the way to the meeting point. Its own name is no answer: Debian gives it
// 127.0.1.1. Nothing is sent.
std::string address_towards(const std::string& host) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_DGRAM;
    std::string out;
    // For the first process the meeting point is itself: then the way out of the machine.
    for (const char* target : {host.c_str(), "192.0.2.1"}) {
        if (::getaddrinfo(target, "9", &hints, &found) != 0) continue;
        const int probe = ::socket(AF_INET, SOCK_DGRAM, 0);
        sockaddr_in own{};
        socklen_t size = sizeof own;
        char text[INET_ADDRSTRLEN] = "";
        if (probe >= 0 && ::connect(probe, found->ai_addr, found->ai_addrlen) == 0 && ::getsockname(probe, reinterpret_cast<sockaddr*>(&own), &size) == 0)
            ::inet_ntop(AF_INET, &own.sin_addr, text, sizeof text);
        if (probe >= 0) ::close(probe);
        ::freeaddrinfo(found);
        out = text;
        if (!out.empty() && !out.starts_with("127.")) return out;
    }
    return out;
}

auto device_of_gloo(const Launch& launch) {
    if (const char* name = std::getenv("GLOO_SOCKET_IFNAME")) return c10d::ProcessGroupGloo::createDeviceForInterface(name);
    if (launch.local_size == launch.size) return c10d::ProcessGroupGloo::createDeviceForHostname("127.0.0.1");
    const std::string address = address_towards(launch.address);
    return address.empty() ? c10d::ProcessGroupGloo::createDefaultDevice() : c10d::ProcessGroupGloo::createDeviceForHostname(address);
}

// NCCL gives each process a GPU of its own. Says who computes where, before all have met; true afterwards
// where two of them took one: then Gloo carries their sums, through the machine's memory.
void claim_gpu([[maybe_unused]] c10d::Store& store, [[maybe_unused]] torch::Device device) {
#ifdef CORTUNE_CUDA
    if (!device.is_cuda()) return;
    // Not the index, which counts the GPUs that a process is shown.
    const auto& uuid = at::cuda::getDeviceProperties(device.index())->uuid;
    std::string key = fmt::format("gpu/{}/", host_name());
    for (const char byte : uuid.bytes) key += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    if (store.add(key, 1) > 1) store.add("shared", 1);
#endif
}

c10::intrusive_ptr<Backend> make_group(const c10::intrusive_ptr<c10d::Store>& store, const Launch& launch, torch::Device device) {
    if (device.is_cuda() && store->add("shared", 0) == 0) {
#ifdef CORTUNE_NCCL
        // It would abort the process on what another one suffers; the heartbeat ends it in good order.
        ::setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0", 0);
        auto options = c10d::ProcessGroupNCCL::Options::create();
        options->timeout = patience;
        return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, launch.rank, launch.size, options);
#else
        throw ResourceError("several processes on GPUs need a build with NCCL", "--device cpu, or one process");
#endif
    }
    auto options = c10d::ProcessGroupGloo::Options::create(patience);
    options->devices.push_back(device_of_gloo(launch));
    return c10::make_intrusive<c10d::ProcessGroupGloo>(store, launch.rank, launch.size, options);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

struct World::Group {
    c10::intrusive_ptr<c10d::Store> store;
    c10::intrusive_ptr<Backend> backend;
};

World::World() = default;

// The meeting point stays until all have left it; what waits for this process in a sum is freed before.
World::~World() {
    if (!group_) return;
    heartbeat_.reset();
    try {
        group_->backend = {};
        group_->store->add("left", 1);
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
        while (rank_ == 0 && group_->store->add("left", 0) < size_ && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(polling);
    } catch (const std::exception&) {
        // The first process has gone already.
    }
}

World::World(const Launch& launch, const std::function<torch::Device()>& choose_device, std::function<void(const std::string&, int)> lost)
    : rank_(launch.rank), size_(launch.size) {
    if (size_ == 1) {
        device_ = choose_device();
        return;
    }
    if (launch.address.empty())
        throw UsageError(fmt::format("{} started {} processes and says not where they meet", launch.by, size_),
                         "set MASTER_ADDR to the first machine's name for all of them, or --processes alone");
    try {
        c10d::TCPStoreOptions options;
        options.port = static_cast<std::uint16_t>(launch.port);
        options.isServer = rank_ == 0;
        options.waitWorkers = false;
        options.timeout = meeting;
        group_ = std::make_unique<Group>();
        group_->store = c10::make_intrusive<c10d::TCPStore>(launch.address, options);
        try {
            device_ = choose_device();
            claim_gpu(*group_->store, device_);
        } catch (const std::exception&) {
            group_->store->add("failed", 1);
            std::this_thread::sleep_for(polling * 3);  // the others ask this process, where it is the first
            throw;
        }
        wait_for_all(launch.by);
        heartbeat_ = std::make_unique<Heartbeat>(launch, std::move(lost));
        group_->backend = make_group(group_->store, launch, device_);
        barrier();
    } catch (const Error&) {
        throw;
    } catch (const Interrupted&) {
        throw;
    } catch (const std::exception& e) {
        throw ResourceError(fmt::format("the {} processes that {} started did not meet at {}:{} ({})", size_, launch.by, launch.address, launch.port, first_line(e.what())),
                            "all must run this command; MASTER_ADDR and MASTER_PORT choose another place, --processes alone runs each by itself");
    }
}

// Until all are there, or one says that it cannot come.
void World::wait_for_all(const std::string& by) const {
    group_->store->add("here", 1);
    const auto until = std::chrono::steady_clock::now() + meeting;
    while (group_->store->add("here", 0) < size_) {
        cortune::check_interrupt();
        if (group_->store->add("failed", 0) > 0) throw RunFailed("another process of this run could not start");
        if (std::chrono::steady_clock::now() > until)
            throw ResourceError(fmt::format("of the {} processes that {} started {} came", size_, by, group_->store->add("here", 0)),
                                "all must run this command; --processes alone runs each by itself");
        std::this_thread::sleep_for(polling);
    }
}

Rows World::share(std::int64_t total) const {
    const std::int64_t each = total / size_, more = total % size_, r = rank_;
    return {r * each + std::min(r, more), each + (r < more ? 1 : 0), total};
}

void World::reduce(Tensor& x) const {
    try {
        std::vector<Tensor> one{x};
        group_->backend->allreduce(one)->wait();
    } catch (const std::exception& e) {
        throw RunFailed(fmt::format("another process of this run has ended, or cannot be reached ({})", first_line(e.what())));
    }
}

namespace {

// Sum whose gradient is the sum of the gradients. The world outlives the graph.
struct Sum : torch::autograd::Function<Sum> {
    static Tensor forward(torch::autograd::AutogradContext* context, const Tensor& x, const World* world) {
        context->saved_data["world"] = static_cast<std::int64_t>(reinterpret_cast<std::intptr_t>(world));
        Tensor out = x.detach().clone(torch::MemoryFormat::Contiguous);
        world->reduce(out);
        return out;
    }
    static torch::autograd::tensor_list backward(torch::autograd::AutogradContext* context, torch::autograd::tensor_list gradients) {
        const auto* world = reinterpret_cast<const World*>(static_cast<std::intptr_t>(context->saved_data["world"].toInt()));
        Tensor out = gradients[0].clone(torch::MemoryFormat::Contiguous);
        world->reduce(out);
        return {out, Tensor()};
    }
};

}  // namespace

Tensor World::sum(const Tensor& x) const {
    if (size_ == 1) return x;
    return Sum::apply(x, this);
}

Tensor World::gather(const Tensor& own, const Rows& rows) const {
    if (size_ == 1) return own;
    auto above = own.sizes().vec(), below = above;
    above[0] = rows.first;
    below[0] = rows.total - rows.first - rows.count;
    // Each row is a sum of itself and zeros: exact.
    return sum(torch::cat({torch::zeros(above, own.options().requires_grad(false)), own, torch::zeros(below, own.options().requires_grad(false))}));
}

void World::sum_gradients(const std::vector<Tensor>& parameters) const {
    if (size_ == 1) return;
    torch::NoGradGuard no_gradients;
    Tensor has = torch::zeros({static_cast<std::int64_t>(parameters.size())}, torch::kFloat32);
    for (std::size_t i = 0; i < parameters.size(); ++i) has[static_cast<std::int64_t>(i)] = parameters[i].grad().defined() ? 1.f : 0.f;
    has = has.to(device_);
    reduce(has);
    has = has.to(torch::kCPU);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (has[static_cast<std::int64_t>(i)].item<float>() == 0) continue;
        const Tensor& p = parameters[i];
        // Elements in one order everywhere, whatever the layout in which this process had them.
        Tensor g = p.grad().defined() ? p.grad().contiguous() : torch::zeros(p.sizes(), p.options().requires_grad(false));
        reduce(g);
        p.mutable_grad() = g;
    }
}

double World::sum(double value) const {
    if (size_ == 1) return value;
    Tensor x = torch::tensor(value, torch::kFloat64).to(device_);
    reduce(x);
    return x.item<double>();
}

void World::check_interrupt() const {
    const int own = pending_signal();
    if (sum(own != 0 ? 1. : 0.) > 0) throw Interrupted(own != 0 ? own : SIGTERM);
}

std::string World::from_first(const std::string& key, const std::string& text) const {
    if (size_ == 1) return text;
    try {
        if (rank_ == 0) group_->store->set(key, std::vector<std::uint8_t>(text.begin(), text.end()));
        const auto bytes = group_->store->get(key);
        return {bytes.begin(), bytes.end()};
    } catch (const std::exception& e) {
        throw RunFailed(fmt::format("the first process of this run has ended, or cannot be reached ({})", first_line(e.what())));
    }
}

void World::barrier() const { sum(0.); }

}  // namespace cortune::train
