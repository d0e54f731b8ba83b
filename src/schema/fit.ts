import { z } from 'zod';
import {
  DEVICE_LIST_SCHEMA_ID,
  deviceListSchema,
  devicesSchema,
  measuredSpeedsSchema,
  phonesSchema,
  speedModelSchema,
} from './phone-data.ts';
import { fittedDeviceSchema } from './phones.ts';

export const FIT_SCHEMA_ID = 'quantscope/fit@1';

/** What `fit --json` prints. */
export const fitSchema = z.object({
  schema: z.literal(FIT_SCHEMA_ID),
  devices: z.array(fittedDeviceSchema),
});
export type FitReport = z.infer<typeof fitSchema>;

export function fitSchemas(): Record<string, object> {
  const of = (title: string, schema: z.ZodType, io: 'input' | 'output' = 'output') => ({
    title,
    ...z.toJSONSchema(schema, { target: 'draft-2020-12', io }),
  });
  return {
    fit: of(`quantscope fit (${FIT_SCHEMA_ID})`, fitSchema),
    'device-list': of(`quantscope fit --list-devices (${DEVICE_LIST_SCHEMA_ID})`, deviceListSchema),
    devices: of('quantscope devices.json', devicesSchema, 'input'),
    phones: of('quantscope data/phones.json', phonesSchema, 'input'),
    'measured-speeds': of('quantscope data/measured-speeds.json', measuredSpeedsSchema),
    'speed-model': of('quantscope data/speed-model.json', speedModelSchema),
  };
}
