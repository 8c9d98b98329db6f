"""Tiny pipelines of diffusers with random weights, built from configurations written here, and a recorder of steps."""

from typing import NamedTuple

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Img2ImgPipeline,
    StableDiffusion3Pipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

torch.set_num_threads(1)  # the networks are too small for more
WORDS = ["a", "cat", "on", "the", "moon"]


def tokenizer():
    vocabulary = ["<|startoftext|>", "<|endoftext|>", *(w + "</w>" for w in WORDS), *"acthemon"]
    merges = []
    for word in WORDS:  # byte-pair merges that spell the words from their letters, left to right
        pieces = [*word[:-1], word[-1] + "</w>"]
        while len(pieces) > 1:
            merges.append((pieces[0], pieces[1]))
            pieces = [pieces[0] + pieces[1], *pieces[2:]]
            vocabulary.append(pieces[0])
        vocabulary += [word[-1] + "</w>"]
    vocabulary = list(dict.fromkeys(vocabulary))
    return CLIPTokenizer(vocab={w: i for i, w in enumerate(vocabulary)}, merges=merges, model_max_length=8)


def text_encoder(kind=CLIPTextModel, projection=16):
    config = CLIPTextConfig(
        vocab_size=64,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=8,
        projection_dim=projection,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )
    return kind(config).eval()


def vae(shift=None):
    return AutoencoderKL(
        block_out_channels=(8, 8), norm_num_groups=4, latent_channels=4, shift_factor=shift, sample_size=16,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2,
    )  # fmt: skip


def unet(**changes):
    config = dict(
        sample_size=8,
        block_out_channels=(8, 16),
        layers_per_block=1,
        norm_num_groups=4,
        attention_head_dim=4,
        cross_attention_dim=16,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
    )
    return UNet2DConditionModel(**{**config, **changes}).eval()


def stable_diffusion(scheduler=None, **unet_changes):
    torch.manual_seed(0)
    pipe = StableDiffusionPipeline(
        vae=vae(),
        text_encoder=text_encoder(),
        tokenizer=tokenizer(),
        unet=unet(**unet_changes),
        scheduler=scheduler or DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def stable_diffusion_xl(scheduler=None):
    torch.manual_seed(0)
    pipe = StableDiffusionXLPipeline(
        vae=vae(),
        text_encoder=text_encoder(),
        text_encoder_2=text_encoder(CLIPTextModelWithProjection),
        tokenizer=tokenizer(),
        tokenizer_2=tokenizer(),
        unet=unet(
            cross_attention_dim=32,
            addition_embed_type="text_time",
            addition_time_embed_dim=4,
            projection_class_embeddings_input_dim=6 * 4 + 16,
        ),
        scheduler=scheduler or DDIMScheduler(beta_schedule="scaled_linear", clip_sample=False),
        force_zeros_for_empty_prompt=False,
        add_watermarker=False,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def stable_diffusion_3(shift=3.0):
    torch.manual_seed(0)
    pipe = StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=8,
            patch_size=2,
            in_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=32,
            caption_projection_dim=16,
            pooled_projection_dim=32,
            out_channels=4,
            pos_embed_max_size=8,
        ).eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=shift),
        vae=vae(shift=0.1),
        text_encoder=text_encoder(CLIPTextModelWithProjection),
        tokenizer=tokenizer(),
        text_encoder_2=text_encoder(CLIPTextModelWithProjection),
        tokenizer_2=tokenizer(),
        text_encoder_3=None,
        tokenizer_3=None,
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def relative(cls, pipe):
    """Another pipeline with the same parts."""
    no_checker = {"requires_safety_checker": False} if "safety_checker" in pipe.components else {}
    twin = cls(**pipe.components, **no_checker)
    twin.set_progress_bar_config(disable=True)
    return twin


RELATIVES = {
    StableDiffusionImg2ImgPipeline: (stable_diffusion, "unet"),
    StableDiffusionInpaintPipeline: (stable_diffusion, "unet"),
    StableDiffusionXLImg2ImgPipeline: (stable_diffusion_xl, "unet"),
    StableDiffusion3Img2ImgPipeline: (stable_diffusion_3, "transformer"),
}


class Step(NamedTuple):
    """One evaluation: both halves of the network's output, what the scheduler was given, and its timestep."""

    uncond: torch.Tensor
    cond: torch.Tensor
    used: torch.Tensor
    timestep: float


def record(pipe, network="unet", **call):
    """Run a pipeline and record every step; `pipe` may be guided. The wrappers are taken off again."""
    outputs, steps = [], []
    module, scheduler = getattr(pipe, network), pipe.scheduler
    inner_step = scheduler.step
    hook = module.register_forward_hook(lambda _module, _args, output: outputs.append(output[0].detach().clone()))

    def step(model_output, timestep, *args, **kwargs):
        halves = outputs[-1].chunk(2) if outputs[-1].shape[0] == 2 * model_output.shape[0] else (outputs[-1],) * 2
        steps.append(Step(*halves, model_output.detach().clone(), float(timestep)))
        return inner_step(model_output, timestep, *args, **kwargs)

    scheduler.step = step
    try:
        arguments = {"prompt": "a cat on the moon", "negative_prompt": "the moon", "output_type": "latent"}
        size = {} if "image" in call else {"height": 16, "width": 16}
        result = pipe(**{**arguments, **size, "generator": torch.Generator().manual_seed(1), **call})
    finally:
        hook.remove()
        del scheduler.step
    assert len(outputs) == len(steps), "one evaluation of the network per step of the scheduler"
    return steps, result.images


def deviations(steps, scales):
    """At each step, the largest |used - (eps_u + scale (eps_c - eps_u))| in units of its float32 rounding error.

    Computed in float32, the right side is off by at most 2 eps32 (|eps_u| + |scale| |eps_c - eps_u|) or so: below 1,
    the step used this very scale.
    """
    found = []
    for s, scale in zip(steps, scales, strict=True):
        uncond, difference = s.uncond.double(), s.cond.double() - s.uncond.double()
        rounding = 2.0 * torch.finfo(torch.float32).eps * (uncond.abs() + abs(scale) * difference.abs())
        found.append(float(((s.used.double() - uncond - scale * difference).abs() / rounding).max()))
    return found
