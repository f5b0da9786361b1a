import type { components } from '../../api/schema';

export type Explanation = components['schemas']['Explanation'];
export type ImpExplanation = components['schemas']['ImpExplanation'];
export type LineExplanation = components['schemas']['LineExplanation'];
