package collective

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// variable names the environment variable with the path of the MPI library.
const variable = "FOVEA_MPI"

// A launcher starts processes, and tells each of them how many there are.
type launcher struct {
	mark, size string   // variables: one that is set in every process, and the number of processes
	libraries  []string // that belong to it, the likeliest first
}

// The names are those of Open MPI 4 and 5, of MPI 5's binary interface, and of MPICH and its relatives, also in Debian.
var launchers = []launcher{
	{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_SIZE", []string{"libmpi.so.40", "libmpi_abi.so.1"}},
	{"PMI_SIZE", "PMI_SIZE", []string{"libmpi_abi.so.1", "libmpi.so.12", "libmpich.so.12"}},
	{"PMI_RANK", "SLURM_STEP_NUM_TASKS", []string{"libmpi_abi.so.1", "libmpi.so.12", "libmpich.so.12"}},
	{"PMIX_RANK", "SLURM_STEP_NUM_TASKS", []string{"libmpi.so.40", "libmpi_abi.so.1", "libmpi.so.12", "libmpich.so.12"}},
}

// Open joins the processes that a launcher started, by the variables that it set: first those of [FromEnviron] with a
// file, then those of mpirun and srun, then those of torchrun. Without them, and for one process, the group has one rank.
// A cancelled context ends the wait for other processes over TCP.
func Open(ctx context.Context) (*Group, error) {
	m, found, err := FromEnviron(os.Getenv)
	if err != nil {
		return nil, err
	}
	if m.Follows {
		go endWithParent()
	}
	if found && m.File != "" {
		return m.Join(ctx)
	}
	for _, l := range launchers {
		if os.Getenv(l.mark) == "" {
			continue
		}
		size, _ := strconv.Atoi(os.Getenv(l.size)) // 0: MPI knows
		if size == 1 {
			break
		}
		m, err := l.open(size)
		if err != nil {
			return nil, fmt.Errorf("this process is one of several (%s is set), but they cannot meet: %w", l.mark, err)
		}
		return &Group{transport: m}, nil
	}
	if found {
		return m.Join(ctx)
	}
	return Local(1)[0], nil
}

func (l launcher) open(size int) (*mpi, error) {
	if runtime.GOOS != "linux" {
		return nil, errors.New("several processes work on Linux only: start one")
	}
	// MPICH spins while it waits. On a machine with more ranks than cores it must leave the core to others.
	if os.Getenv("MPIR_CVAR_POLLS_BEFORE_YIELD") == "" {
		os.Setenv("MPIR_CVAR_POLLS_BEFORE_YIELD", "0")
	}
	if path := os.Getenv(variable); path != "" {
		m, err := openMPI(path, size)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", variable, err)
		}
		return m, nil
	}
	for _, dir := range libraryFolders() {
		for _, name := range l.libraries {
			path := filepath.Join(dir, name)
			if _, err := os.Stat(path); dir == "" || err == nil {
				if _, err := load(path); err == nil {
					return openMPI(path, size)
				}
			}
		}
	}
	return nil, fmt.Errorf("no MPI library was found (%s): set %s to the path of the one that belongs to the launcher",
		strings.Join(l.libraries, ", "), variable)
}

// libraryFolders returns where an MPI library may lie: beside the launcher's program that started this process, "" for
// the folders of the system, and beside the mpirun of PATH.
func libraryFolders() []string {
	var folders []string
	beside := func(program string, err error) {
		if err != nil {
			return
		}
		if program, err = filepath.EvalSymlinks(program); err == nil {
			folders = append(folders, filepath.Join(filepath.Dir(filepath.Dir(program)), "lib"))
		}
	}
	beside(os.Readlink(fmt.Sprintf("/proc/%d/exe", os.Getppid())))
	folders = append(folders, "")
	beside(exec.LookPath("mpirun"))
	return folders
}
