// SPDX-License-Identifier: BSD-3-Clause
#include "core/launch.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "core/error.hpp"
#include "core/hash.hpp"
#include "core/text.hpp"

namespace cortune {
namespace {

std::string text(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

std::optional<int> number(const char* name) {
    const std::string value = text(name);
    if (value.empty()) return std::nullopt;
    int out = 0;
    const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), out);
    if (code != std::errc{} || end != value.data() + value.size())
        throw UsageError(fmt::format("{}={}: expected a whole number", name, value), "--processes alone does not look at it");
    return out;
}

// A port that only this run should use: below those that the system gives away by itself.
int port_of(const std::string& run) { return 20000 + static_cast<int>(hash64(run) % 10000); }

// The variables in which a launcher says the four numbers; rank and size are there.
struct Names {
    const char *rank, *size, *local_rank, *local_size;
    bool present() const { return number(rank) && number(size); }
};
constexpr Names torchrun_names{"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"};
constexpr Names slurm_names{"SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", ""};  // tasks a node is a list
constexpr Names open_mpi_names{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"};
constexpr Names mpich_names{"PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"};

// local_size is as given where the launcher does not say it.
Launch numbers(const Names& names, const char* by, int local_size) {
    Launch out;
    out.by = by;
    out.rank = *number(names.rank);
    out.size = *number(names.size);
    out.local_rank = number(names.local_rank).value_or(0);
    out.local_size = number(names.local_size).value_or(local_size);
    return out;
}

Launch of_torchrun() {
    Launch out = numbers(torchrun_names, "torchrun", 1);
    out.address = text("MASTER_ADDR");
    out.port = number("MASTER_PORT").value_or(29500);
    // That port may be torchrun's own, which speaks its version's language.
    if (text("TORCHELASTIC_USE_AGENT_STORE") == "True")
        out.port = port_of(fmt::format("torchrun {} {} {}", out.port, text("TORCHELASTIC_RUN_ID"), text("TORCHELASTIC_RESTART_COUNT")));
    return out;
}

Launch of_slurm() {
    Launch out = numbers(slurm_names, "srun", 1);
    const int nodes = number("SLURM_STEP_NUM_NODES").value_or(1);
    // "2(x3),1": memory and cores are shared out as on the fullest node.
    for (const auto& part : split(text("SLURM_STEP_TASKS_PER_NODE"), ',')) {
        int tasks = 1;
        std::from_chars(part.data(), part.data() + part.size(), tasks);
        out.local_size = std::max(out.local_size, tasks);
    }
    out.address = nodes == 1 ? "127.0.0.1" : first_host(text("SLURM_STEP_NODELIST"));
    out.port = port_of("slurm " + text("SLURM_JOB_ID") + '.' + text("SLURM_STEP_ID"));
    return out;
}

Launch of_mpirun(const Names& names, const std::string& run) {
    Launch out = numbers(names, "mpirun", *number(names.size));
    if (out.local_size == out.size) out.address = "127.0.0.1";
    out.port = port_of("mpi " + run);
    return out;
}

Launch find() {
    if (torchrun_names.present() && !text("MASTER_ADDR").empty()) return of_torchrun();
    // Not SLURM_NTASKS: a batch script that was started once has it, too.
    if (slurm_names.present()) return of_slurm();
    if (open_mpi_names.present()) return of_mpirun(open_mpi_names, text("PMIX_NAMESPACE") + text("OMPI_MCA_orte_ess_jobid"));
    if (mpich_names.present()) return of_mpirun(mpich_names, text("PMI_PORT"));
    return {};
}

}  // namespace

std::string first_host(const std::string& nodelist) {
    const auto open = nodelist.find_first_of("[,");
    if (open == std::string::npos || nodelist[open] == ',') return nodelist.substr(0, open);
    const auto end = nodelist.find_first_of("-,]", open);
    return nodelist.substr(0, open) + nodelist.substr(open + 1, end == std::string::npos ? end : end - open - 1);
}

Launch launch_from_environment() {
    Launch out = find();
    if (out.size < 1 || out.rank < 0 || out.rank >= out.size)
        throw UsageError(fmt::format("{} says that this is process {} of {}", out.by, out.rank, out.size), "--processes alone does not look at it");
    out.local_size = std::clamp(out.local_size, 1, out.size);
    if (out.size == 1) return {};
    if (out.by == "torchrun") return out;
    if (const auto address = text("MASTER_ADDR"); !address.empty()) out.address = address;
    if (const auto port = number("MASTER_PORT")) out.port = *port;
    return out;
}

}  // namespace cortune
