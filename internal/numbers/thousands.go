package numbers

import "fmt"

// Thousands returns n ≥ 0 with commas between groups of three digits.
func Thousands(n int) string {
	if n < 1000 {
		return fmt.Sprint(n)
	}
	return fmt.Sprintf("%s,%03d", Thousands(n/1000), n%1000)
}
