package collective

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// The variables of a meeting. The first five are torchrun's, which Kubeflow's trainer and Ray set too.
const (
	rankVariable, sizeVariable, localVariable = "RANK", "WORLD_SIZE", "LOCAL_RANK"
	hostVariable, portVariable                = "MASTER_ADDR", "MASTER_PORT"

	fileVariable   = "FOVEA_MEET"
	secretVariable = "FOVEA_SECRET"
	childVariable  = "FOVEA_CHILD" // set by [Meeting.Environ]: standard input ends with the parent
)

// runVariables tell one run from others on the same machines, where there is no secret.
var runVariables = []string{"TORCHELASTIC_RUN_ID", "TORCHELASTIC_RESTART_COUNT", "SLURM_JOB_ID", "SLURM_STEP_ID"}

// FromEnviron returns the meeting that the variables of a process describe: RANK, WORLD_SIZE, MASTER_ADDR and
// MASTER_PORT, or RANK, WORLD_SIZE and FOVEA_MEET, which names a file. FOVEA_SECRET is its secret. found is false without
// them.
func FromEnviron(getenv func(string) string) (m Meeting, found bool, err error) {
	file, size, rank := getenv(fileVariable), getenv(sizeVariable), getenv(rankVariable)
	if size == "" && file == "" {
		return m, false, nil
	}
	m = Meeting{File: file, Host: getenv(hostVariable), Secret: getenv(secretVariable),
		Follows: getenv(childVariable) != ""}
	if m.Size, err = strconv.Atoi(size); err == nil {
		m.Rank, err = strconv.Atoi(rank)
	}
	switch {
	case err != nil:
		return m, false, fmt.Errorf("%s is %.100q and %s is %.100q: set them to this process's number, from 0, and to the "+
			"number of processes, or unset both and %s", rankVariable, rank, sizeVariable, size, fileVariable)
	case m.Size == 1 && m.Rank == 0:
		return m, false, nil
	case file == "" && m.Host == "":
		return m, false, fmt.Errorf("%s says that this process is one of %d, but not where they meet: set %s and %s, or %s "+
			"to the path of a file that all see", sizeVariable, m.Size, hostVariable, portVariable, fileVariable)
	}
	if port := getenv(portVariable); file == "" {
		if m.Port, err = strconv.Atoi(port); err != nil || m.Port < 1 || m.Port > 1<<16-portsTried {
			return m, false, fmt.Errorf("%s is %.100q, not a port: set it to a number from 1 to %d", portVariable, port,
				1<<16-portsTried)
		}
	}
	if getenv("TORCHELASTIC_USE_AGENT_STORE") == "True" { // torchrun itself listens at the first
		m.Port++
	}
	return m, true, nil
}

// Environ returns environ with the variables by which a process comes to the meeting, of which m describes rank 0. Its
// standard input must be a pipe whose other end this process keeps: the process ends with it.
func (m Meeting) Environ(environ []string, rank, local int) []string {
	var out []string
	own := map[string]string{rankVariable: strconv.Itoa(rank), sizeVariable: strconv.Itoa(m.Size),
		localVariable: strconv.Itoa(local), hostVariable: m.Host, fileVariable: m.File, secretVariable: m.Secret,
		childVariable: "1"}
	for _, v := range environ {
		name, _, _ := strings.Cut(v, "=")
		if _, replaced := own[name]; !replaced {
			out = append(out, v)
		}
	}
	for name, value := range own {
		out = append(out, name+"="+value)
	}
	return out
}

// endWithParent ends this process when its standard input ends.
func endWithParent() {
	io.Copy(io.Discard, os.Stdin)
	os.Exit(1)
}
