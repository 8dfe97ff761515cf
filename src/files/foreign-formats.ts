import type { GradcheckError } from '../errors.js'
import { badFile } from './bad-file.js'
import { baseName, fileStem } from './file-name.js'

export const SAVE_WITH_SAVEZ = 'save the arrays with np.savez(f, X=X, Y=Y, **parameters, **gradients)'
/** Bytes from the beginning in which a format is looked for. */
const BEGINNING = 512

/** A format that others write and that is not read here. */
interface ForeignFormat {
  /** What the bytes begin with. */
  readonly magic?: string
  /** Where that stands, in bytes from the beginning. */
  readonly at?: number
  /** Endings of such files' names, where the bytes say nothing. */
  readonly endings?: readonly string[]
  readonly what: string
  /** How its arrays become a file that is read; `f` stands for the file's name. */
  readonly fix: string
}

const TORCH_ENDINGS: readonly string[] = ['.pt', '.pth', '.ckpt']

const FROM_MATLAB =
  "in Python: np.savez('f.npz', **{k: v for k, v in scipy.io.loadmat('f').items() if not k.startswith('__')})"
const FROM_HDF5 =
  "in Python: h = h5py.File('f'); a = {}; h.visititems(lambda k, v: a.update({k: v[()]}) if hasattr(v, 'dtype') else " +
  "None); np.savez('f.npz', **a)"
const FROM_TORCH =
  "in Python: safetensors.torch.save_file(torch.load('f', map_location='cpu'), 'f.safetensors')"
const FROM_PICKLE =
  "in Python: np.savez('f.npz', **pickle.load(open('f', 'rb'))), if a dictionary of arrays is in it"
const FROM_TEXT =
  "in Python: np.save('NAME.npy', np.loadtxt('f', delimiter=',')), one file for each array, named after it"

/** The most telling first: a MATLAB 7.3 file is an HDF5 file as well. */
const FORMATS: readonly ForeignFormat[] = [
  {
    magic: 'MATLAB 7.3',
    what: 'a MATLAB 7.3 file',
    fix: "save it in MATLAB with save('f.mat', '-v7') and convert that by scipy.io.loadmat; or read it with h5py, which gives each array transposed",
  },
  { magic: 'MATLAB', what: 'a MATLAB file', fix: FROM_MATLAB },
  { magic: '\x89HDF\r\n\x1a\n', what: 'an HDF5 file', fix: FROM_HDF5 },
  { magic: '\x1f\x8b', what: 'compressed by gzip', fix: 'unpack it with gunzip first' },
  { magic: 'BZh', what: 'compressed by bzip2', fix: 'unpack it with bunzip2 first' },
  { magic: '\xfd7zXZ', what: 'compressed by xz', fix: 'unpack it with unxz first' },
  { magic: '\x28\xb5\x2f\xfd', what: 'compressed by zstd', fix: 'unpack it with unzstd first' },
  { magic: '7z\xbc\xaf', what: 'a 7-Zip archive', fix: 'unpack it first' },
  { magic: 'ustar', at: 257, what: 'a tar archive', fix: 'unpack it with tar -xf first' },
  {
    magic: 'version https://git-lfs',
    what: 'only a pointer of Git LFS to the file',
    fix: 'fetch the file itself with git lfs pull',
  },
  {
    magic: 'GGUF',
    what: 'a GGUF file',
    fix: 'in Python: read it with gguf.GGUFReader and save its arrays with np.savez',
  },
  {
    magic: 'PAR1',
    what: 'a Parquet file',
    fix: "in Python: np.savez('f.npz', X=pandas.read_parquet('f').to_numpy(), …)",
  },
  {
    magic: 'ARROW1',
    what: 'an Arrow file',
    fix: "in Python: np.savez('f.npz', X=pandas.read_feather('f').to_numpy(), …)",
  },
  {
    magic: 'TFL3',
    at: 4,
    what: 'a TensorFlow Lite file',
    fix: 'in Python: save the arrays of the model that it was made from with np.savez',
  },
  { magic: 'RDX', what: 'a file of R', fix: "in R: reticulate::import('numpy')$savez('f.npz', X=X, …)" },
  { endings: ['.mat'], what: 'no MATLAB file of version 5 or later', fix: FROM_MATLAB },
  { endings: ['.h5', '.hdf5', '.keras'], what: 'no HDF5 file', fix: FROM_HDF5 },
  {
    endings: TORCH_ENDINGS,
    what: 'a PyTorch file of another kind',
    fix: FROM_TORCH,
  },
  { endings: ['.pkl', '.pickle', '.joblib', '.p'], what: 'a pickle', fix: FROM_PICKLE },
  {
    endings: ['.onnx', '.pb'],
    what: 'a model, not arrays',
    fix: 'in Python: save its arrays with np.savez (of an ONNX model: onnx.numpy_helper.to_array of each initializer)',
  },
  {
    endings: ['.msgpack'],
    what: 'a MessagePack file',
    fix: "in Python: safetensors.flax.save_file(flax.traverse_util.flatten_dict(flax.serialization.msgpack_restore(open('f', 'rb').read()), sep='.'), 'f.safetensors')",
  },
  {
    endings: ['.csv', '.tsv', '.txt', '.dat'],
    what: 'text',
    fix: FROM_TEXT,
  },
  {
    endings: ['.json'],
    what: 'JSON',
    fix: "in Python: np.savez('f.npz', **{k: np.array(v) for k, v in json.load(open('f')).items()})",
  },
  {
    endings: ['.py', '.ipynb', '.m', '.r', '.jl'],
    what: 'a program, not arrays',
    fix: `in the program ${SAVE_WITH_SAVEZ}`,
  },
]

/** The error for a file that is none of the formats that are read, with how to convert it where that is known. */
export function unreadableFormat(bytes: Uint8Array, fileName: string): GradcheckError {
  const isPickle = bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5
  if (isPickle) return describePickle(fileName)
  const beginning = String.fromCharCode(...bytes.subarray(0, BEGINNING))
  const format =
    FORMATS.find(({ magic, at = 0 }) => magic !== undefined && beginning.startsWith(magic, at)) ??
    FORMATS.find(({ endings = [] }) => hasEnding(fileName, endings))
  if (format !== undefined) {
    return badFile(
      `${fileName} is ${format.what}; .npz, .npy and .safetensors are read`,
      fillIn(format.fix, fileName),
    )
  }
  const shown = JSON.stringify(beginning.slice(0, 16))
  return badFile(
    `${fileName} is neither .npz, .npy nor .safetensors: it begins with ${shown}`,
    SAVE_WITH_SAVEZ,
  )
}

/** A zip without arrays in it: PyTorch and Keras keep theirs otherwise. */
export function unreadableZip(members: readonly string[], fileName: string): GradcheckError {
  const has = (name: string) => members.some((member) => member === name || member.endsWith(`/${name}`))
  if (has('data.pkl')) {
    return badFile(
      `${fileName} is a PyTorch file, which only Python can unpickle`,
      fillIn(FROM_TORCH, fileName),
    )
  }
  if (has('model.weights.h5')) {
    return badFile(
      `${fileName} is a Keras file`,
      fillIn(
        "in Python: m = keras.models.load_model('f'); np.savez('f.npz', **{w.path: w.numpy() for w in m.weights})",
        fileName,
      ),
    )
  }
  if (has('workbook.xml')) {
    return badFile(
      `${fileName} is an Excel file`,
      fillIn("in Python: np.savez('f.npz', X=pandas.read_excel('f').to_numpy(), …)", fileName),
    )
  }
  const found = members.slice(0, 5)
  return badFile(
    `${fileName} is a zip file without .npy arrays (${found.length === 0 ? 'empty' : `it has ${found.join(', ')}`})`,
    SAVE_WITH_SAVEZ,
  )
}

const hasEnding = (fileName: string, endings: readonly string[]) =>
  endings.some((ending) => fileName.toLowerCase().endsWith(ending))

function describePickle(fileName: string): GradcheckError {
  const isTorch = hasEnding(fileName, TORCH_ENDINGS)
  const fix = isTorch ? FROM_TORCH : FROM_PICKLE
  const or = isTorch
    ? ''
    : '; if a PyTorch model is in it, with safetensors.torch.save_file(torch.load(…), …)'
  return badFile(
    `${fileName} is a pickle${isTorch ? ' of PyTorch' : ' (or an old PyTorch file)'}, which only Python can load`,
    fillIn(fix, fileName) + or,
  )
}

/** `f` in quotes stands for the file, and with an ending for one beside it. */
function fillIn(fix: string, fileName: string): string {
  const [name, stem] = [baseName, fileStem].map((part) => part(fileName).replaceAll("'", ''))
  return fix.replace(/'f((?:\.\w+)?)'/g, (_, ending: string) => `'${ending === '' ? name : stem + ending}'`)
}
