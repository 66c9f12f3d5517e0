package learner

import (
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"fovea/internal/numbers"
	"fovea/training/collective"
)

// With this variable, which names Settings.Bucket, the test's program is a process of an MPI job.
const mpiBucket = "FOVEA_TEST_BUCKET"

func TestMain(m *testing.M) {
	if text := os.Getenv(mpiBucket); text != "" {
		g, err := collective.Open(context.Background())
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		defer g.Recover()
		bucket, err := strconv.Atoi(text)
		var sum string
		if err == nil {
			sum, err = mpiTraining(g, bucket)
		}
		if err != nil {
			g.Abort(err)
		}
		if g.Rank() == 0 {
			fmt.Println("sum", sum)
		}
		g.Close()
		collective.Exit(0)
	}
	os.Exit(m.Run())
}

// mpiTraining takes three steps of five micro-batches and returns the digest of all that they leave.
func mpiTraining(g *collective.Group, bucket int) (string, error) {
	j, err := openJoint(context.Background(), "^$")
	if err != nil {
		return "", err
	}
	defer j.engine.Close()
	s := j.settings
	s.Group, s.Bucket, s.Accumulate = g, bucket, 5
	r := &result{}
	if err := j.rank(s, nil, r, 0, 3, 1); err != nil {
		return "", err
	}
	digest := sha256.New()
	digest.Write(numbers.Bytes(r.losses))
	for i, name := range r.names {
		fmt.Fprintln(digest, name)
		digest.Write(numbers.Bytes(r.values[i]))
	}
	return fmt.Sprintf("%x", digest.Sum(nil)), nil
}

// TestMPI: processes under Open MPI and MPICH end with the bits of one, with buckets and without.
func TestMPI(t *testing.T) {
	list := filepath.SplitList(os.Getenv("FOVEA_TEST_MPIRUN"))
	if len(list) == 0 || testing.Short() {
		t.Skip("set FOVEA_TEST_MPIRUN to the mpirun of Open MPI and of MPICH, separated by colons")
	}
	want, err := mpiTraining(nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, mpirun := range list {
		for size := 1; size <= 4; size++ {
			for bucket := range 2 {
				c := exec.Command(mpirun, "-n", strconv.Itoa(size), os.Args[0])
				c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", mpiBucket, bucket), "OMPI_ALLOW_RUN_AS_ROOT=1",
					"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "OMPI_MCA_rmaps_base_oversubscribe=1",
					"PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe")
				out, err := c.CombinedOutput()
				if err != nil || !strings.Contains(string(out), "sum "+want) {
					t.Errorf("%s, %d processes, bucket %d: %v\n%s", mpirun, size, bucket, err, out)
				}
			}
		}
	}
}
