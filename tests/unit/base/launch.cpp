// SPDX-License-Identifier: BSD-3-Clause
#include "core/launch.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <map>
#include <string>

#include "core/error.hpp"

using namespace cortune;

namespace {

// The launchers' words as these and no others, while it lives.
class Environment {
  public:
    explicit Environment(const std::map<std::string, std::string>& words) {
        for (const char* name : names) ::unsetenv(name);
        for (const auto& [name, value] : words) ::setenv(name.c_str(), value.c_str(), 1);
    }
    ~Environment() {
        for (const char* name : names) ::unsetenv(name);
    }

  private:
    static constexpr const char* names[] = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_USE_AGENT_STORE",
                                            "SLURM_PROCID", "SLURM_NTASKS", "SLURM_STEP_NUM_TASKS", "SLURM_STEP_NUM_NODES", "SLURM_STEP_NODELIST",
                                            "SLURM_STEP_TASKS_PER_NODE", "SLURM_LOCALID", "SLURM_JOB_ID", "SLURM_STEP_ID", "OMPI_COMM_WORLD_RANK",
                                            "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE", "PMI_RANK", "PMI_SIZE"};
};

}  // namespace

TEST_CASE("a process that was started alone is one of one") {
    const Environment none({});
    CHECK(launch_from_environment().size == 1);
    // A batch script has these, and runs once.
    const Environment script({{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "4"}});
    CHECK(launch_from_environment().size == 1);
    const Environment half({{"RANK", "3"}, {"WORLD_SIZE", "4"}});
    CHECK(launch_from_environment().size == 1);
}

TEST_CASE("the launchers' words are understood") {
    {
        const Environment words({{"RANK", "3"}, {"WORLD_SIZE", "4"}, {"LOCAL_RANK", "1"}, {"LOCAL_WORLD_SIZE", "2"}, {"MASTER_ADDR", "head"}, {"MASTER_PORT", "777"}});
        const Launch l = launch_from_environment();
        CHECK((l.rank == 3 && l.size == 4 && l.local_rank == 1 && l.local_size == 2 && l.by == "torchrun" && l.address == "head" && l.port == 777));
    }
    {
        const Environment words({{"SLURM_PROCID", "5"}, {"SLURM_STEP_NUM_TASKS", "6"}, {"SLURM_STEP_NUM_NODES", "3"}, {"SLURM_STEP_NODELIST", "gpu[07-09]"},
                                 {"SLURM_STEP_TASKS_PER_NODE", "2(x3)"}, {"SLURM_LOCALID", "1"}, {"SLURM_JOB_ID", "12"}, {"SLURM_STEP_ID", "0"}});
        const Launch l = launch_from_environment();
        CHECK((l.rank == 5 && l.size == 6 && l.local_rank == 1 && l.local_size == 2 && l.by == "srun" && l.address == "gpu07"));
        CHECK((l.port >= 20000 && l.port < 30000));
        ::setenv("MASTER_ADDR", "other", 1);
        CHECK(launch_from_environment().address == "other");
    }
    {
        const Environment words({{"OMPI_COMM_WORLD_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"OMPI_COMM_WORLD_LOCAL_SIZE", "2"}, {"OMPI_COMM_WORLD_LOCAL_RANK", "0"}});
        CHECK((launch_from_environment().by == "mpirun" && launch_from_environment().address.empty()));  // on several machines
        ::setenv("OMPI_COMM_WORLD_LOCAL_SIZE", "4", 1);
        CHECK(launch_from_environment().address == "127.0.0.1");
    }
}

TEST_CASE("words that contradict themselves are refused") {
    const Environment words({{"PMI_RANK", "2"}, {"PMI_SIZE", "2"}});
    CHECK_THROWS_AS(launch_from_environment(), UsageError);
    const Environment letters({{"PMI_RANK", "two"}, {"PMI_SIZE", "2"}});
    CHECK_THROWS_AS(launch_from_environment(), UsageError);
}

TEST_CASE("the first host of Slurm's list") {
    CHECK(first_host("n1") == "n1");
    CHECK(first_host("n1,n2") == "n1");
    CHECK(first_host("n[03-05,9],m1") == "n03");
    CHECK(first_host("rack2-n[7]") == "rack2-n7");
    CHECK(first_host("") == "");
}
