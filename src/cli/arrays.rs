//! Reading the arrays that commands take: codes, noise maps, pictures of networks.

use std::path::{Path, PathBuf};

use clap::Args;
use ndarray::{Array2, Array4, ArrayD, Axis, Ix2, Ix3, Ix4, IxDyn};

use super::{Failure, OutputOptions, pictures};
use crate::checkpoint::npy;
use crate::networks::{Generator, Noise};
use crate::portrait::tensor::tensor_from_picture;

/// Options about the noise of a generator's convolutions.
#[derive(Args, Debug, Clone)]
pub(super) struct NoiseOptions {
    /// Folder with the generator's noise maps, noise_00.npy, noise_01.npy … in the order of its
    /// convolutions, [1,1,r,r] each
    #[arg(long, value_name = "DIR", conflicts_with_all = ["noise_seed", "zero_noise"])]
    noise: Option<PathBuf>,
    /// Without --noise: seed of the noise maps. The same seed gives the same noise in every picture
    #[arg(long, value_name = "N", default_value_t = Generator::NOISE_SEED)]
    noise_seed: u64,
    /// No noise
    #[arg(long, conflicts_with = "noise_seed")]
    zero_noise: bool,
}

impl NoiseOptions {
    /// The files that it is read from.
    pub fn files(&self) -> Vec<PathBuf> {
        let folder = self.noise.iter();
        folder.flat_map(|folder| noise_files(folder)).collect()
    }

    /// The noise that was asked for.
    pub fn read(&self) -> Result<Noise, Failure> {
        match &self.noise {
            Some(folder) => Ok(Noise::Maps(read_noise(folder)?)),
            None if self.zero_noise => Ok(Noise::Zero),
            None => Ok(Noise::Seeded(self.noise_seed)),
        }
    }
}

/// The name of a noise map's file.
pub(super) fn noise_file(index: usize) -> String {
    format!("noise_{index:02}.npy")
}

fn noise_files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let paths = (0..).map(|index| folder.join(noise_file(index)));
    paths.take_while(|path| path.is_file())
}

fn read_noise(folder: &Path) -> Result<Vec<ArrayD<f32>>, Failure> {
    let maps = noise_files(folder)
        .map(|path| read_finite(&path))
        .collect::<Result<Vec<_>, _>>()?;
    if maps.is_empty() {
        return Err(Failure::because(format!(
            "{} has no {}; use --zero-noise to draw without noise",
            folder.display(),
            noise_file(0)
        )));
    }
    Ok(maps)
}

/// An array of finite numbers.
pub(super) fn read_finite(path: &Path) -> Result<ArrayD<f32>, Failure> {
    let array = npy::read_f32(path)?;
    npy::check_finite(path, &array)?;
    Ok(array)
}

/// One code of a file, `[L, n]`, `[1, L, n]` or `[1, n]`, with the shape that it has there.
pub(super) struct StoredCode {
    /// The code, `[L, n]`, or `[1, n]` for one in W.
    pub code: Array2<f32>,
    shape: Vec<usize>,
}

impl StoredCode {
    /// Reads one code.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let array = read_finite(path)?;
        let shape = array.shape().to_vec();
        let code = match array.ndim() {
            3 if shape[0] == 1 => array.index_axis_move(Axis(0), 0),
            _ => array,
        };
        let code = code.into_dimensionality::<Ix2>().map_err(|_| {
            Failure::because(format!(
                "{}: the array has the shape {shape:?}; expected one code, [L,n], [1,L,n] or [1,n]",
                path.display()
            ))
        })?;
        Ok(Self { code, shape })
    }

    /// An array of the code's elements in the shape of its file.
    pub fn in_its_shape(&self, code: &ArrayD<f32>) -> Result<ArrayD<f32>, Failure> {
        let shape = IxDyn(&self.shape);
        let code = code.to_shape(shape).map_err(Failure::because)?;
        Ok(code.into_owned())
    }
}

/// The codes of a `.npy` file, each `[layers, size]`. A code in W stands for the same in every layer.
pub(super) fn read_codes(
    path: &Path,
    [layers, size]: [usize; 2],
) -> Result<Vec<Array2<f32>>, Failure> {
    let array = read_finite(path)?;
    let shape = array.shape().to_vec();
    let wrong = || {
        Failure::because(format!(
            "{}: the codes have the shape {shape:?}; expected [n,{size}], [{layers},{size}] or [n,{layers},{size}]",
            path.display()
        ))
    };
    match *shape.as_slice() {
        [rows, columns] if [rows, columns] == [layers, size] => {
            Ok(vec![two_dimensional(array).ok_or_else(wrong)?])
        }
        [_, columns] if columns == size => Ok(two_dimensional(array)
            .ok_or_else(wrong)?
            .axis_iter(Axis(0))
            .map(|w| Array2::from_shape_fn((layers, size), |(_, component)| w[component]))
            .collect()),
        [_, rows, columns] if [rows, columns] == [layers, size] => Ok(array
            .into_dimensionality::<Ix3>()
            .map_err(|_| wrong())?
            .axis_iter(Axis(0))
            .map(|code| code.to_owned())
            .collect()),
        _ => Err(wrong()),
    }
}

fn two_dimensional(array: ArrayD<f32>) -> Option<Array2<f32>> {
    array.into_dimensionality::<Ix2>().ok()
}

/// Codes of a file, `[n]` in W or more axes, as they are; at least two axes.
pub(super) fn read_matrix(path: &Path, expected: &str) -> Result<Array2<f32>, Failure> {
    let array = read_finite(path)?;
    let shape = array.shape().to_vec();
    array.into_dimensionality::<Ix2>().map_err(|_| {
        Failure::because(format!(
            "{}: the array has the shape {shape:?}; expected {expected}",
            path.display()
        ))
    })
}

/// A picture of a network, `[1, channels, height, width]`, with one of these numbers of channels.
pub(super) fn read_picture(path: &Path, channels: &[usize]) -> Result<Array4<f32>, Failure> {
    let array = read_finite(path)?;
    let shape = array.shape().to_vec();
    array
        .into_dimensionality::<Ix4>()
        .ok()
        .filter(|array| array.dim().0 == 1 && channels.contains(&array.dim().1))
        .ok_or_else(|| {
            let expected: Vec<_> = channels.iter().map(|n| format!("[1,{n},R,R]")).collect();
            Failure::because(format!(
                "{}: the array has the shape {shape:?}; expected {}",
                path.display(),
                expected.join(" or ")
            ))
        })
}

/// A picture file as a tensor `[1, 3, height, width]` in [-1, 1].
pub(super) fn read_rgb(path: &Path, console: OutputOptions) -> Result<Array4<f32>, Failure> {
    let photo = pictures::load(path, console)?;
    Ok(tensor_from_picture(&photo.pixels().to_rgb8()))
}

/// A mask file as a tensor `[1, 1, height, width]`, 0 to 1.
pub(super) fn read_mask(path: &Path, console: OutputOptions) -> Result<Array4<f32>, Failure> {
    let photo = pictures::load(path, console)?;
    let mask = photo.pixels().to_luma8();
    let (width, height) = mask.dimensions();
    let shape = (1, 1, height as usize, width as usize);
    Ok(Array4::from_shape_fn(shape, |(_, _, y, x)| {
        f32::from(mask.get_pixel(x as u32, y as u32).0[0]) / 255.0
    }))
}
