/** The networks, run by onnxruntime-web: in WebAssembly, the large one on the graphics card where the browser has WebGPU. */

import { fileAddress, loadNetwork, lost } from './files.js';
import { Problem } from './problem.js';

const MOST_THREADS = 8; // more gain nothing with networks of this size

/** Load everything; resolves to {device, inpaint, detector: {pnet, rnet, onet}, damage}. */
export async function openNets(description, wanted) {
  const onGpu = wanted === 'wasm' ? false : await hasGpu(wanted);
  if (wanted === 'webgpu' && !onGpu) throw new Problem('browser', 'this browser offers no WebGPU here: leave out ?device=webgpu');
  const load = (path) => loadNetwork(path, description);
  const [graph, weights, pnet, rnet, onet, damage] = await Promise.all(
    ['model/graph.onnx', 'model/model.safetensors', 'detector/pnet.onnx', 'detector/rnet.onnx', 'detector/onet.onnx', 'damage/damage.onnx'].map(load),
  );
  const script = `onnxruntime/ort.${onGpu ? 'webgpu' : 'wasm'}.min.mjs`;
  const ort = await import(fileAddress(script)).catch(() => {
    throw lost(script);
  });
  const threads = self.crossOriginIsolated ? Math.min(MOST_THREADS, navigator.hardwareConcurrency || 1) : 1;
  Object.assign(ort.env.wasm, { wasmPaths: fileAddress('onnxruntime/'), numThreads: threads });
  ort.env.logLevel = 'error';

  const open = async (bytes, options = {}) => {
    const session = await ort.InferenceSession.create(bytes, { executionProviders: ['wasm'], logSeverityLevel: 3, ...options });
    const run = (inputs) =>
      session.run(Object.fromEntries(Object.entries(inputs).map(([name, [data, dims]]) => [name, new ort.Tensor('float32', data, dims)])));
    return { run, inputs: session.inputNames };
  };
  const openSingle = async (bytes) => {
    const { run, inputs: [input] } = await open(bytes);
    return (data, dims) => run({ [input]: [data, dims] });
  };
  const openOn = (provider) => open(graph, { externalData: [{ path: 'model.safetensors', data: weights }], executionProviders: [provider] });
  const onCard = onGpu ? await openOn('webgpu').catch(() => null) : null; // a driver may promise more than it keeps
  const { run } = onCard ?? (await openOn('wasm'));
  return {
    device: onCard ? 'webgpu' : `wasm, ${threads} ${threads === 1 ? 'thread' : 'threads'}`,
    inpaint: (view, latent, shares) => inpaint(run, description, view, latent, shares),
    detector: { pnet: await openSingle(pnet), rnet: await openSingle(rnet), onet: await openSingle(onet) },
    damage: await openSingle(damage),
  };
}

/** Whether there is a graphics card for WebGPU; a processor that plays one is slower than WebAssembly, and taken only when asked for. */
async function hasGpu(wanted) {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  const { isFallbackAdapter = false, architecture } = adapter?.info ?? {};
  return Boolean(adapter) && (wanted === 'webgpu' || !(isFallbackAdapter || architecture === 'swiftshader'));
}

/**
 * Repaint a view. Mirrors facemend/backends/on_onnx.py.
 * @param view {image: [3, S, S], unknown: [S, S]}
 * @param shares [K, C, C], probabilities of the parts to paint by, or null
 * @returns {{completed, layout, scores}} layout: probabilities [K, C, C]
 */
async function inpaint(run, { core_size: core, legend, latent_size }, { image, unknown }, latent, shares) {
  const size = Math.sqrt(unknown.length);
  const output = await run({
    image: [image, [1, 3, size, size]],
    mask: [unknown, [1, 1, size, size]],
    latent: [latent, [1, latent_size]],
    layout: [shares ?? new Float32Array(legend.length * core * core), [1, legend.length, core, core]],
  });
  return {
    completed: output.completed.data,
    layout: { data: output.probabilities.data, classes: legend.length, size: core },
    scores: { data: output.scores.data, heads: output.scores.dims[1], tokens: output.scores.dims[2] },
  };
}
