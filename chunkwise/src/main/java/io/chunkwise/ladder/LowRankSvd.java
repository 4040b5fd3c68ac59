package io.chunkwise.ladder;

import io.chunkwise.model.adapter.LowRankPair;
import org.nd4j.linalg.api.blas.Lapack;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * Singular value decomposition of a low-rank update, without forming it: with up = Q_u R_u and downᵀ = Q_d R_d (both
 * thin), the update is Q_u (R_u R_dᵀ) Q_dᵀ, and only the core in the brackets, at most [rank, rank], is decomposed. In
 * double precision. The only class that touches ND4J.
 */
final class LowRankSvd {

    private LowRankSvd() {
    }

    /**
     * The components of a pair, by descending singular value; as many as its rank, or as the update's smaller side where
     * that is less. An update of lower rank than that keeps components of (nearly) zero.
     *
     * @param site named in errors
     * @throws IllegalArgumentException if a value is not finite, or a singular value leaves the range of float
     */
    static LadderSite decompose(String site, LowRankPair pair) {
        int rank = pair.rank();
        Factor up = factor(matrix(site, pair.up(), pair.outputs(), rank));
        Factor down = factor(matrix(site, pair.down(), rank, pair.inputs()).transpose());
        INDArray core = up.triangle().mmul(down.triangle().transpose()).dup('f');

        int kept = Math.min(core.rows(), core.columns());
        INDArray sigma = Nd4j.create(DataType.DOUBLE, new long[] {kept}, 'f');
        INDArray left = Nd4j.create(DataType.DOUBLE, new long[] {core.rows(), core.rows()}, 'f');
        INDArray rightTransposed = Nd4j.create(DataType.DOUBLE, new long[] {core.columns(), core.columns()}, 'f');
        lapack().gesvd(core, sigma, left, rightTransposed);

        double[] sigmas = sigma.data().asDouble();
        INDArray leading = up.expand(left.get(NDArrayIndex.all(), NDArrayIndex.interval(0, kept)));
        INDArray trailing = down.expand(rightTransposed.get(NDArrayIndex.interval(0, kept), NDArrayIndex.all()).transpose());
        return new LadderSite(toFloat(site, sigmas), new LowRankPair(kept, pair.inputs(), pair.outputs(),
                scaledDown(trailing, sigmas), scaledUp(leading, sigmas)));
    }

    /**
     * A tall matrix as orthonormal columns times a triangle; a wide one is its own "triangle".
     *
     * @param columns  [rows, k] orthonormal; null stands for the identity
     * @param triangle [k, rank]
     */
    private record Factor(INDArray columns, INDArray triangle) {

        INDArray expand(INDArray inner) {
            return columns == null ? inner : columns.mmul(inner);
        }
    }

    private static Factor factor(INDArray matrix) {
        if (matrix.rows() < matrix.columns()) {
            return new Factor(null, matrix);
        }
        INDArray columns = matrix.dup('f');
        INDArray triangle = Nd4j.create(DataType.DOUBLE, new long[] {matrix.columns(), matrix.columns()}, 'f');
        lapack().geqrf(columns, triangle);
        return new Factor(columns, triangle);
    }

    private static Lapack lapack() {
        return Nd4j.getBlasWrapper().lapack();
    }

    private static INDArray matrix(String site, float[] values, int rows, int columns) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            if (!Float.isFinite(values[i])) {
                throw new IllegalArgumentException("the adapter has the value " + values[i] + " at " + site);
            }
            wide[i] = values[i];
        }
        return Nd4j.create(wide, new long[] {rows, columns}, 'c');
    }

    private static float[] toFloat(String site, double[] sigmas) {
        float[] narrow = new float[sigmas.length];
        for (int k = 0; k < narrow.length; k++) {
            narrow[k] = (float) sigmas[k];
            if (!Float.isFinite(narrow[k])) {
                throw new IllegalArgumentException(
                        "the adapter's update at " + site + " is too large for float: singular value " + sigmas[k]);
            }
        }
        return narrow;
    }

    // [outputs, k] · diag(√σ), row-major
    private static float[] scaledUp(INDArray vectors, double[] sigmas) {
        double[] values = vectors.dup('c').data().asDouble();
        float[] out = new float[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) (values[i] * Math.sqrt(sigmas[i % sigmas.length]));
        }
        return out;
    }

    // diag(√σ) · [inputs, k]ᵀ, row-major
    private static float[] scaledDown(INDArray vectors, double[] sigmas) {
        double[] values = vectors.transpose().dup('c').data().asDouble();
        int inputs = values.length / sigmas.length;
        float[] out = new float[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = (float) (values[i] * Math.sqrt(sigmas[i / inputs]));
        }
        return out;
    }
}
