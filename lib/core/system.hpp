// SPDX-License-Identifier: BSD-3-Clause
// What the program knows of itself and of the machine.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace cortune {

std::string version();  // "0.1.0"

std::string host_name();

int cores();  // that this process may use, at least 1

// More threads than so many a core only wait for one another, for minutes where there are thousands.
inline constexpr int threads_per_core = 8;

// CORTUNE_THREADS, else SLURM_CPUS_PER_TASK (at most threads_per_core a core), else the cores this process may use (at least 1), divided among the processes
// of one launch on this machine where they are not bound to cores.
int default_threads();

std::uint64_t peak_memory();       // bytes, high-water mark of the resident set
double cpu_seconds();              // user + system, all threads
std::uint64_t available_memory();  // bytes: MemAvailable, or the cgroup's limit where lower

// Throws BadInput where `path` is not there, is a folder, or may not be read.
void require_readable(const std::filesystem::path& path);

// Size of a file; 0 where there is none or the system does not say.
std::uint64_t file_bytes(const std::filesystem::path& path);

// The folder with models and schemas: $CORTUNE_SHARE, else beside the installed
// program (../share/cortune), else the source tree it was built from. Throws
// BadInput naming the places looked at.
std::filesystem::path share_dir();

// Seconds since the epoch: SOURCE_DATE_EPOCH where set, else now.
std::int64_t creation_time();
bool reproducible_time();            // SOURCE_DATE_EPOCH is set
std::string iso_time(std::int64_t);  // 2026-01-31T12:00:00Z

std::string random_uuid();                             // version 4
std::string derived_uuid(const std::string& content);  // version 8, from SHA-256(content)

}  // namespace cortune
