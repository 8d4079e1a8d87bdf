// SPDX-License-Identifier: BSD-3-Clause
#include "encode/evaluation_columns.hpp"

namespace cortune::encode {

const std::vector<ScoreColumn>& score_columns() {
    static const std::vector<ScoreColumn> all = {
        {"mean_r", "mean over voxels of Pearson r", [](auto& m) -> auto& { return m.mean_r; }},
        {"mean_r_low", "2.5th percentile of the mean r, bootstrap over images", [](auto& m) -> auto& { return m.mean_r_low; }},
        {"mean_r_high", "97.5th percentile of the mean r, bootstrap over images", [](auto& m) -> auto& { return m.mean_r_high; }},
        {"median_r", "median over voxels of Pearson r", [](auto& m) -> auto& { return m.median_r; }},
        {"mean_r2", "mean over voxels of max(r, 0) squared", [](auto& m) -> auto& { return m.mean_r2; }},
        {"share_of_ceiling", "mean over voxels of r2 / noise ceiling, not capped, where the ceiling is above 0", [](auto& m) -> auto& { return m.share_of_ceiling; }},
        {"median_share_of_ceiling", "median over voxels of the same", [](auto& m) -> auto& { return m.median_share_of_ceiling; }},
        {"challenge_score", "mean over voxels of min(1, r2 / noise ceiling), a ceiling of 0 read as 1e-14 (Algonauts 2023)", [](auto& m) -> auto& { return m.challenge_score; }},
        {"median_challenge_score", "median over voxels of the same", [](auto& m) -> auto& { return m.median_challenge_score; }},
        {"above_ceiling", "voxels whose r2 exceeds their noise ceiling", [](auto& m) -> auto& { return m.above_ceiling; }},
        {"share_significant", "share of voxels with r above chance, false discovery rate .05 in the ROI", [](auto& m) -> auto& { return m.share_significant; }},
        {"share_improved", "share of voxels with a higher r than the first model's", [](auto& m) -> auto& { return m.test.share_improved; }},
        {"share_p_value", "two-sided p of the share, predictions exchanged image by image", [](auto& m) -> auto& { return m.test.share_p; }},
        {"share_binomial_p", "two-sided binomial p of the share, as if voxels were independent", [](auto& m) -> auto& { return m.test.share_binomial_p; }},
        {"difference", "mean r minus the first model's", [](auto& m) -> auto& { return m.test.difference; }},
        {"difference_low", "2.5th percentile of the difference, bootstrap over images", [](auto& m) -> auto& { return m.test.low; }},
        {"difference_high", "97.5th percentile of the difference, bootstrap over images", [](auto& m) -> auto& { return m.test.high; }},
        {"effect_size", "difference / its standard deviation over voxels", [](auto& m) -> auto& { return m.test.effect; }},
        {"effect_size_low", "lower end of its 95 % interval, jackknife over images", [](auto& m) -> auto& { return m.test.effect_low; }},
        {"effect_size_high", "upper end of its 95 % interval, jackknife over images", [](auto& m) -> auto& { return m.test.effect_high; }},
        {"p_value", "two-sided p of the difference, predictions exchanged image by image", [](auto& m) -> auto& { return m.test.p; }},
    };
    return all;
}

}  // namespace cortune::encode
