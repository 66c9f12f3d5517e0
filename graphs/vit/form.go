package vit

// A Form tells how the models of a family differ from RETFound's, which has the zero Form.
type Form struct {
	// LayerScale multiplies the branches of every block by a factor for each feature, ls1.gamma and ls2.gamma, as
	// DINOv2 does.
	LayerScale bool
	Registers  int64     // tokens behind the class token that nothing reads at the end, reg_token
	Positions  Positions // how a token knows where it is
	MLP        MLP
	Hidden     int64   // features of the hidden layer of an MLP; 0: four times Width
	Bias       Bias    // of the queries, keys and values
	PreNorm    bool    // norm_pre stands behind the embeddings, and patch_embed has no bias, as in CLIP
	Grey       bool    // patch_embed has one channel, the luma of the image scaled to [0,1], as in MIRAGE
	Epsilon    float32 // of LayerNorm; 0: 1e-6
}

// Positions names the way in which the model knows the positions of tokens.
type Positions string

const (
	LearnedAll     Positions = ""        // pos_embed is added to the class token and the patches, not to registers
	LearnedPatches Positions = "patches" // pos_embed is added to the patches alone
	Rotary         Positions = "rotary"  // queries and keys of the patches are rotated, as in DINOv3 (arXiv 2508.10104)
)

// MLP names the hidden layer of the MLP.
type MLP string

const (
	GELU      MLP = ""
	QuickGELU MLP = "quick_gelu" // x·sigmoid(1.702·x), as in CLIP
	SwiGLU    MLP = "swiglu"     // silu(a)·b, where fc1 computes a and b, one after the other (timm's SwiGLUPacked)
)

// Bias names which of queries, keys and values have a bias.
type Bias string

const (
	FullBias  Bias = ""       // attn.qkv.bias
	NoKeyBias Bias = "no_key" // attn.q_bias and attn.v_bias
)
