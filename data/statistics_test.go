package data

import "gonum.org/v1/gonum/stat/distuv"

// sameDistribution is the p-value of the two-sample chi-square test for two histograms of equally many draws.
func sameDistribution(a, b []int) float64 {
	sum, bins := 0.0, 0
	for i := range a {
		if n := a[i] + b[i]; n > 0 {
			d := float64(a[i] - b[i])
			sum += d * d / float64(n)
			bins++
		}
	}
	return chiSquareTail(sum, bins-1)
}

// uniformity is the p-value of the chi-square test for a histogram of n draws with equally likely bins.
func uniformity(counts []int, n int) float64 {
	sum := 0.0
	for _, c := range counts {
		sum += square(c, n/len(counts))
	}
	return chiSquareTail(sum, len(counts)-1)
}

// square is one bin's part of a chi-square statistic.
func square(count, expected int) float64 {
	d := float64(count - expected)
	return d * d / float64(expected)
}

func chiSquareTail(sum float64, degrees int) float64 {
	if degrees < 1 {
		return 1
	}
	return distuv.ChiSquared{K: float64(degrees)}.Survival(sum)
}
