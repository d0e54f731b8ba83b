import { type FitRequest, fitOn } from '../../device/fit.ts';
import { fittedDevice } from '../../device/fit-report.ts';
import { modelShape } from '../../device/predict-speed.ts';
import type { DeviceCatalogue } from '../../device/profiles.ts';
import { typeSpeeds } from '../../device/type-speeds.ts';
import { layerBitsOf, workloadOf } from '../../device/workload.ts';
import { modelFacts, quantizationOf } from '../../gguf/index.ts';
import type { DeviceProfile } from '../../schema/phone-data.ts';
import type { FittedPhone } from '../../schema/phones.ts';
import { UsageError } from '../../util/errors.ts';
import type { NamedHeader } from './models.ts';

/**
 * What phones make of models, from their headers.
 * @throws UsageError `fit/no-layers` for a file that is no model to chat with
 */
export function onPhones(
  models: readonly (NamedHeader & Pick<FitRequest, 'planned'>)[],
  devices: readonly DeviceProfile[],
  catalogue: DeviceCatalogue,
  request: FitRequest,
): FittedPhone[] {
  const common = {
    shape: theOnly(models.map(({ header }) => modelShape(header))),
    label: theOnly(models.map(({ header, ref }) => quantizationOf(header, ref).label.label)),
  };
  return devices.map((device) => {
    const judged = models.map(({ name, ref, header, planned }) => {
      const fit = fitOn(header, device, catalogue, { ...request, ...(planned ? { planned } : {}) });
      const work = workloadOf(header);
      const { parameters } = modelFacts(header);
      if (fit !== null)
        return { name, ref, parameters, layerBits: work === null ? 0 : layerBitsOf(work), fit };
      throw new UsageError(
        'fit/no-layers',
        `${ref}: the header does not describe layers that a phone could load`,
        {
          hint: 'A vocabulary, an encoder or a projector is no model to chat with: quantscope inspect says what it is.',
        },
      );
    });
    const types = typeSpeeds(device, catalogue, common);
    return { ...fittedDevice(device, judged, catalogue, request.budgetBytes), types };
  });
}

/** What all have in common; null where they differ. */
function theOnly<Value>([first, ...others]: readonly Value[]): Value | null {
  return first === undefined || others.some((other) => String(other) !== String(first)) ? null : first;
}
