// SPDX-License-Identifier: BSD-3-Clause
#include "linalg/eigen_solvers.hpp"

#include <fmt/format.h>

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "core/error.hpp"
#include "core/interrupt.hpp"
#include "core/random.hpp"

extern "C" void dsyevd_(const char* jobz, const char* uplo, const int* n, double* a, const int* lda,
                        double* w, double* work, const int* lwork, int* iwork, const int* liwork,
                        int* info);

namespace cortune::linalg {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;

// Beyond this LAPACK's 32-bit workspace size overflows.
constexpr Index largest_order = 30000;

void normalise(Eigen::Ref<MatrixXd> block) {
    for (Index j = 0; j < block.cols(); ++j) {
        const double norm = block.col(j).norm();
        if (norm > 0) block.col(j) /= norm;
    }
}

// Orthonormal columns for the same space: Cholesky of the Gram matrix, with a shift
// where the columns are dependent to rounding; repeated, it is as good as Householder
// (Fukaya et al. 2020, shifted CholeskyQR).
void orthonormalise(Eigen::Ref<MatrixXd> block) {
    normalise(block);
    for (int pass = 0, needed = 2; pass < needed; ++pass) {
        MatrixXd gram = block.transpose() * block;
        Eigen::LLT<MatrixXd> factor(gram);
        if (factor.info() != Eigen::Success) {
            gram.diagonal().array() += 1e-11 * gram.trace();
            factor.compute(gram);
            needed = std::min(needed + 1, 6);
        }
        factor.matrixU().solveInPlace<Eigen::OnTheRight>(block);
    }
}

void fill_random(Eigen::Ref<MatrixXd> block, std::uint64_t stream) {
    Rng rng(1, stream);
    for (Index j = 0; j < block.cols(); ++j)
        for (Index i = 0; i < block.rows(); ++i) block(i, j) = rng.normal();
}

// An orthonormal basis Q that grows block by block, and H = Qᵀ A Q.
class KrylovBasis {
  public:
    KrylovBasis(const MatrixXd& matrix, Index columns)
        : matrix_(matrix), q_(matrix.rows(), columns), h_(MatrixXd::Zero(columns, columns)) {}

    Index size() const { return size_; }
    Index capacity() const { return q_.cols(); }

    void append(const MatrixXd& block) {
        const Index width = std::min(block.cols(), capacity() - size_);
        auto next = q_.middleCols(size_, width);
        next = block.leftCols(width);
        // Against the older blocks, twice ("twice is enough", Giraud et al. 2005).
        for (int pass = 0; pass < 2; ++pass) {
            if (size_ > 0) {
                const MatrixXd overlap = q_.leftCols(size_).transpose() * next;
                next.noalias() -= q_.leftCols(size_) * overlap;
            }
            orthonormalise(next);
        }
        size_ += width;
        image_ = matrix_ * next;
        const MatrixXd column = q_.leftCols(size_).transpose() * image_;
        h_.block(0, size_ - width, size_, width) = column;
        h_.block(size_ - width, 0, width, size_) = column.transpose();
    }
    // A times the last block.
    const MatrixXd& image() const { return image_; }

    Eigenpairs ritz(Index k) const {
        Eigenpairs small = all_eigenpairs(h_.topLeftCorner(size_, size_));
        const Index kept = std::min(k, size_);
        return {q_.leftCols(size_) * small.vectors.leftCols(kept), small.values.head(kept)};
    }

  private:
    const MatrixXd& matrix_;
    MatrixXd q_, h_, image_;
    Index size_ = 0;
};

MatrixXd first_block(Index n, Index width, const MatrixXd* start) {
    MatrixXd block(n, width);
    const Index given = start ? std::min(start->cols(), width) : 0;
    if (given > 0) block.leftCols(given) = start->leftCols(given);
    fill_random(block.rightCols(width - given), 0);
    return block;
}

}  // namespace

Eigenpairs all_eigenpairs(MatrixXd matrix) {
    const Index order = matrix.rows();
    if (order == 0) return {};
    if (order > largest_order)
        throw ResourceError(fmt::format("an exact decomposition of order {} is not possible", order),
                            "--pca fast decomposes larger ones");
    const int n = static_cast<int>(order);
    Eigen::VectorXd values(order);
    int info = 0, integers = 0, query = -1;
    double doubles = 0;
    dsyevd_("V", "L", &n, matrix.data(), &n, values.data(), &doubles, &query, &integers, &query, &info);
    // The size comes back as a floating-point number.
    const int work_size = static_cast<int>(std::ceil(doubles));
    std::vector<double> work(static_cast<std::size_t>(work_size));
    std::vector<int> integer_work(static_cast<std::size_t>(integers));
    dsyevd_("V", "L", &n, matrix.data(), &n, values.data(), work.data(), &work_size,
            integer_work.data(), &integers, &info);
    if (info != 0)
        throw RunFailed(fmt::format("the eigenvalues of a matrix of order {} did not converge", n));
    return {matrix.rowwise().reverse(), values.reverse()};
}

std::int64_t krylov_columns(std::int64_t k) { 
    static const char* e = std::getenv("KCOLS");
    return (e ? std::atof(e) : 2.0) * k + 64; }

Eigenpairs leading_eigenpairs(const MatrixXd& matrix, std::int64_t k, const MatrixXd* start) {
    const Index columns = std::min<Index>(krylov_columns(k), matrix.rows());
    static const char* e = std::getenv("KBLOCK");
    const double bf = e ? std::atof(e) : 8;
    const Index width = start ? std::min<Index>(start->cols(), columns / 2) : Index(columns / bf)+1;
    KrylovBasis basis(matrix, columns);
    basis.append(first_block(matrix.rows(), width, start));
    while (basis.size() < basis.capacity()) {
        check_interrupt();
        basis.append(MatrixXd(basis.image()));
    }
    return basis.ritz(k);
}

}  // namespace cortune::linalg
