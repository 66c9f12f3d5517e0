// Package collective lets the processes of one training add up gradients and agree on numbers.
//
// Each process is a rank of a [Group]. A process that no launcher started is a group of one. Under mpirun or srun
// [Open] finds the MPI library of the launcher and opens it while the program runs: Open MPI, MPICH, or any library with
// the binary interface of MPI 5. The variable FOVEA_MPI names another library. No header of MPI is needed to build.
// Without MPI the processes of a [Meeting] find each other over TCP, by torchrun's variables or by a file.
//
// All ranks call the same methods in the same order. A sum has the bits that one process gets: [Group.ReduceScatter]
// gathers the ranks' partial sums and adds them in the shape of [optim.Stack], whatever the number of ranks.
//
//	g, err := collective.Open(ctx)
//	defer g.Recover() // a panic ends all ranks
//	start, end := collective.Share(microBatches, g.Rank(), g.Size())
//	// partials: the sums that optim.Partials(start, end) lists
//	err = errors.Join(g.ReduceScatter(sum, partials, microBatches), g.AllGather(sum))
//
// At the end all ranks call [Group.Close], and end with [Exit]. If one rank fails, it calls [Group.Abort], which ends all
// of them. If one is killed, the launcher ends the others; over TCP they notice by themselves.
package collective
