/** Licences that models have, as cards and files write them: a pattern. */
export const LICENCE_NAMES = String.raw`(?:MIT|Apache(?:[- ]Licen[cs]e)?,?(?:[- ]?v(?:ersion)?)?[- ]?2(?:\.0)?|Gemma|Llama[- ]?\d(?:\.\d)?(?:[- ]Community)?|CC[- ](?:BY|0)[\w.-]*(?: \d\.\d)?|A?GPL[- ]?v?\d?(?:\.\d)?|BSD(?:[- ]\d[- ]Clause)?|OpenRAIL(?:[- ]?\+?\+?M)?)`;
