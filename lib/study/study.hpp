// SPDX-License-Identifier: BSD-3-Clause
// A study: one table (JSON, layout in cortune(5)) and the calls of tools that it stands for, in the order
// in which they can be made. Front ends (make, Snakemake, Slurm) only decide when and where.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace cortune::study {

// One call of one tool. Paths are relative to the folder of the study's table, in which it is made.
struct Step {
    std::string stage;                       // of stages()
    std::string id;                          // "tune/contrastive/subj01/lh.V1v.s0": letters, digits and ._+-/
    std::vector<std::string> command;        // tool first; without --threads: these follow the allocation
    std::vector<std::string> after;          // ids of the steps whose outputs it reads
    std::vector<std::filesystem::path> reads;  // files that no step makes and whose content counts
    std::filesystem::path output;            // what is there when it is done
    std::filesystem::path standard_output;   // file that takes it; empty: the log
    std::filesystem::path checkpoint;        // state of a stopped run, gone when it is done; empty: none
    std::vector<std::string> housekeeping;   // options that say how, not what: --overwrite, --checkpoint FILE, --resume
};

// In the order in which they follow one another.
const std::vector<std::string>& stages();  // simulate, extract, weights, tune, encode, evaluate, transfer, report

struct Study {
    std::string name;
    std::filesystem::path file, folder;      // the table, and where it is
    std::filesystem::path output;            // relative to the folder
    std::vector<std::string> subjects;       // "subj01"
    struct Method {
        std::string name;
        bool pooled = false;                 // one network for all subjects
    };
    std::vector<Method> methods;
    struct Region {
        std::string hemisphere, roi;
    };
    std::vector<Region> regions;
    std::vector<std::int64_t> seeds;
    std::vector<std::string> transfer;       // methods whose networks are tried on every subject
    struct Comparison {
        std::string method, against;         // another method
    };
    std::vector<Comparison> comparisons;
    std::vector<Step> steps;
    std::vector<std::string> left_out;       // "subj02 lh RSC: 4 voxels": found in the extracted data

    const Step& step(const std::string& id) const;  // UsageError naming the nearest
    // Files of the study, relative to the folder.
    std::filesystem::path dataset(const std::string& subject) const { return output / "data" / (subject + ".h5"); }
    std::filesystem::path evaluation(std::int64_t seed) const;
    std::filesystem::path comparison(const Comparison& of, std::int64_t seed) const;
    std::filesystem::path transfer_file(const std::string& method, std::int64_t seed) const;
};

// Throws BadInput naming the place in the table and what was expected there. Tools check their own options. Regions
// that a subject's extracted data set lacks are left out; of one that is not there yet all are expected.
Study read_study(const std::filesystem::path& file);

}  // namespace cortune::study
