// SPDX-License-Identifier: BSD-3-Clause
// What torchrun, srun and mpirun say to the processes that they start.
#pragma once

#include <cstdint>
#include <string>

namespace cortune {

struct Launch {
    int rank = 0, size = 1;              // of this process, and how many there are
    int local_rank = 0, local_size = 1;  // among those on this machine
    std::string by;                      // "torchrun", "srun", "mpirun"; empty: started alone
    std::string address;                 // where rank 0 can be reached; empty: the launcher did not say
    int port = 0;
};

// From the environment: torchrun's RANK, WORLD_SIZE and MASTER_ADDR, else the step of srun
// (SLURM_STEP_NUM_TASKS, SLURM_PROCID), else Open MPI's OMPI_COMM_WORLD_*, else MPICH's PMI_*.
// MASTER_ADDR and MASTER_PORT override the meeting point of each. One process where there is none
// of them. Throws UsageError where they contradict themselves (a rank that is not below the size).
Launch launch_from_environment();

// The first name of Slurm's list of hosts: "n[03-05,9],m1" begins with n03.
std::string first_host(const std::string& nodelist);

}  // namespace cortune
