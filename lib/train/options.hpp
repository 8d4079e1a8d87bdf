// SPDX-License-Identifier: BSD-3-Clause
// The hyperparameters of tuning; plain, so that a tool can bind them without LibTorch.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cortune::train {

// Tuning a backbone to one ROI of one subject or of several (Mulrooney & Brockmeier 2024). Negative
// numbers stand for the paper's value, which depends on the loss or on the ROI.
struct TuningOptions {
    std::string loss = "infonce";    // infonce, clip (both directions) or mse (regression baseline)
    int epochs = -1;                 // 30; mse: 75
    int batch = 1024;                // images
    double learning_rate = -1;       // 1e-4; mse: 2.5e-5
    double temperature = .3;         // of infonce and clip
    int embedding = -1;              // h: int(.8 V)
    int projection = -1;             // z: int(.2 V)
    double dropout = .5;             // of the backbone's dropout layers while tuning
    double warmup_epochs = 0;        // learning rate rises linearly from 0 over these
    int patience = 0;                // early stopping after so many epochs without gain; 0: off
    double validation_share = .1;    // of the training images, for early stopping
    std::string precision = "float32";  // float32, bfloat16 (backbone only) or float64
    std::vector<std::string> freeze;    // modules that stay as they are: "features.0", "features"
    int min_voxels = 20;
    // Several subjects: one backbone, image branch and head, a response branch each. Their width h is
    // "const" (5741, the largest ROI of the paper's study), "avg" (int of the mean voxel count) or a
    // number, z = int(.25 h); empty: not pooled, h and z as above.
    std::string pool;
    std::string pool_order = "turns";     // subjects one after the other in every epoch, or "interleaved" batches
    std::vector<double> subject_weights;  // of the loss, by subject; empty: 1 each
    bool align_shared = false;            // other subjects' responses to an image are positives, too (infonce)
    std::uint64_t memory = 0;        // bytes for resident images; 0: half of what is free
};

// Training a classifier from scratch.
struct ClassifierOptions {
    int epochs = 30;
    int batch = 128;
    double learning_rate = 1e-3;  // at the start
    double weight_decay = 1e-4;
    double dropout = .5;
};

}  // namespace cortune::train
