// SPDX-License-Identifier: BSD-3-Clause
#include "core/system.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>
#include <sys/resource.h>

#include <algorithm>
#include <charconv>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <random>
#include <string_view>
#include <thread>

#include "core/error.hpp"
#include "core/hash.hpp"
#include "core/launch.hpp"

namespace fs = std::filesystem;

namespace cortune {
namespace {

std::string as_uuid(const std::string& hex, char version_digit) {
    static constexpr std::string_view variant = "89ab";
    std::string h = hex.substr(0, 32);
    h[12] = version_digit;
    const char c = h[16];
    h[16] = variant[static_cast<std::size_t>(c <= '9' ? c - '0' : c - 'a' + 10) % 4];
    return h.substr(0, 8) + '-' + h.substr(8, 4) + '-' + h.substr(12, 4) + '-' + h.substr(16, 4) +
           '-' + h.substr(20, 12);
}

double seconds(const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
}

constexpr std::int64_t last_second = 253402300799;  // of the year 9999

// Where the words make no sense, which only who needs them reports, one alone.
Launch launch_or_alone() {
    try {
        return launch_from_environment();
    } catch (const UsageError&) {
        return {};
    }
}

}  // namespace

int cores() {
    cpu_set_t set;
    // Without an answer there are more cores than the set has room for.
    return std::max(1, sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : static_cast<int>(std::thread::hardware_concurrency()));
}

std::string version() { return CORTUNE_VERSION; }

std::string host_name() {
    char name[256] = "";
    ::gethostname(name, sizeof name - 1);
    return name;
}

namespace {

// A whole number above 0 in the environment; 0: none, or something else.
int positive(const char* variable) {
    const char* set = std::getenv(variable);
    if (!set) return 0;
    const std::string_view text = set;
    int n = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
    return error == std::errc{} && end == text.data() + text.size() && n > 0 ? std::min(n, threads_per_core * cores()) : 0;
}

}  // namespace

int default_threads() {
    if (const char* set = std::getenv("CORTUNE_THREADS"); set && *set != '\0') {
        if (const int n = positive("CORTUNE_THREADS"); n > 0) return n;
        throw UsageError(fmt::format("CORTUNE_THREADS: expected a whole number above 0, found '{}'", set), "set it right, or unset it");
    }
    const Launch launch = launch_or_alone();
    if (const int n = positive("SLURM_CPUS_PER_TASK"); n > 0) return std::max(1, n / (launch.by == "torchrun" ? launch.local_size : 1));  // its processes are of one task
    const int mine = cores();
    // srun and mpirun may have bound each process to cores of its own: then it has fewer than the machine.
    const bool bound = launch.by != "torchrun" && mine < ::sysconf(_SC_NPROCESSORS_ONLN);
    return std::max(1, bound ? mine : mine / launch.local_size);
}

std::uint64_t peak_memory() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

double cpu_seconds() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::uint64_t available_memory() {
    std::uint64_t bytes = std::numeric_limits<std::uint64_t>::max();
    std::ifstream meminfo("/proc/meminfo");
    for (std::string key; meminfo >> key;) {
        std::uint64_t kib = 0;
        if (key == "MemAvailable:" && meminfo >> kib) bytes = kib * 1024;
        meminfo.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
    }
    // The limits of this process's group and of all above it (version 2: "0::/path").
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        if (!line.starts_with("0::/")) continue;
        for (fs::path group = line.substr(4);; group = group.parent_path()) {
            std::ifstream limit(fs::path("/sys/fs/cgroup") / group / "memory.max");
            if (std::uint64_t cap = 0; limit >> cap) bytes = std::min(bytes, cap);
            if (group.empty()) break;
        }
    }
    return bytes;
}

void require_readable(const std::filesystem::path& path) {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) throw BadInput(path.string() + ": no such file");
    if (std::filesystem::is_directory(path, error)) throw BadInput(path.string() + ": is a folder, not a file");
    if (::access(path.c_str(), R_OK) != 0) throw BadInput(fmt::format("{}: cannot be read ({})", path.string(), std::strerror(errno)));
}

std::uint64_t file_bytes(const std::filesystem::path& path) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    return error ? 0 : size;
}

fs::path share_dir() {
    if (const char* set = std::getenv("CORTUNE_SHARE"); set && *set) {
        if (fs::is_directory(set)) return set;
        throw BadInput(fmt::format("{}: CORTUNE_SHARE names no folder", set));
    }
    std::error_code ignored;
    const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
    const fs::path installed = program.parent_path().parent_path() / "share" / "cortune";
    for (const fs::path& place : {installed, fs::path(CORTUNE_SOURCE_SHARE)})
        if (fs::is_directory(place / "schema", ignored)) return place;
    throw BadInput(fmt::format("the folder share/cortune was not found at {} nor at {}",
                               installed.string(), CORTUNE_SOURCE_SHARE),
                   "set CORTUNE_SHARE to it");
}

bool reproducible_time() { return std::getenv("SOURCE_DATE_EPOCH") != nullptr; }

std::int64_t creation_time() {
    if (const char* epoch = std::getenv("SOURCE_DATE_EPOCH")) {
        const std::string_view text = epoch;
        std::int64_t out = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
        if (error != std::errc{} || end != text.data() + text.size() || out < 0 || out > last_second)
            throw UsageError(fmt::format("SOURCE_DATE_EPOCH={}: expected seconds since 1970, at most {}", text, last_second), "unset it, or date +%s");
        return out;
    }
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string iso_time(std::int64_t epoch) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(epoch)));
}

std::string random_uuid() {
    std::random_device entropy;
    std::string hex;
    for (int i = 0; i < 4; ++i) hex += fmt::format("{:08x}", entropy());
    return as_uuid(hex, '4');
}

std::string derived_uuid(const std::string& content) { return as_uuid(sha256_hex(content), '8'); }

}  // namespace cortune
