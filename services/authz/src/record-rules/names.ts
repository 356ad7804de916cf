/** Which fields of a record are taken out of it, or replaced; as OPA has it for its decision log. */
export const MASK_RULE = 'system/log/mask'
/** Whether a record is dropped, and only counted. */
export const DROP_RULE = 'system/log/drop'

/** Rules about records: they are built where the policies have them, and decide no request. */
export const RECORD_RULES: readonly string[] = [MASK_RULE, DROP_RULE]
