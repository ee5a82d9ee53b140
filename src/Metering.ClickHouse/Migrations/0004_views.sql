-- What analysts start from.
CREATE VIEW IF NOT EXISTS metering.tokens_per_second AS
SELECT time, tenant, model, route, sum(requests) AS requests_per_second,
    sum(u.input_tokens) AS input_tokens_per_second, sum(u.output_tokens) AS output_tokens_per_second,
    input_tokens_per_second + output_tokens_per_second AS total_tokens_per_second
FROM metering.usage_1s AS u
GROUP BY time, tenant, model, route;

CREATE VIEW IF NOT EXISTS metering.cost_by_tenant AS
SELECT time, tenant, sum(u.requests) AS requests, sum(u.input_tokens) AS input_tokens, sum(u.output_tokens) AS output_tokens,
    sum(u.cost_pico_usd) AS cost_pico_usd, toDecimal128(cost_pico_usd, 12) / toDecimal128(1000000000000, 0) AS cost_usd,
    sum(u.unpriced) AS unpriced
FROM metering.usage_1h AS u
GROUP BY time, tenant;

CREATE VIEW IF NOT EXISTS metering.cost_by_model AS
SELECT time, model, sum(u.requests) AS requests, sum(u.input_tokens) AS input_tokens, sum(u.output_tokens) AS output_tokens,
    sum(u.cost_pico_usd) AS cost_pico_usd, toDecimal128(cost_pico_usd, 12) / toDecimal128(1000000000000, 0) AS cost_usd,
    sum(u.unpriced) AS unpriced
FROM metering.usage_1h AS u
GROUP BY time, model;

CREATE VIEW IF NOT EXISTS metering.cost_by_route AS
SELECT time, route, sum(u.requests) AS requests, sum(u.input_tokens) AS input_tokens, sum(u.output_tokens) AS output_tokens,
    sum(u.cost_pico_usd) AS cost_pico_usd, toDecimal128(cost_pico_usd, 12) / toDecimal128(1000000000000, 0) AS cost_usd,
    sum(u.unpriced) AS unpriced
FROM metering.usage_1h AS u
GROUP BY time, route;

CREATE VIEW IF NOT EXISTS metering.cost_per_token AS
SELECT time, tenant, model, sum(u.input_tokens) + sum(u.output_tokens) AS tokens, sum(u.cost_pico_usd) AS cost_pico_usd,
    if(tokens = 0, NULL, toDecimal128(cost_pico_usd, 6) / greatest(tokens, 1)) AS pico_usd_per_token
FROM metering.usage_1h AS u
GROUP BY time, tenant, model;

CREATE VIEW IF NOT EXISTS metering.cost_per_outcome AS
SELECT time, tenant, model, route, sum(u.successes) AS successes, sum(u.cost_pico_usd) AS cost_pico_usd,
    if(successes = 0, NULL, toDecimal128(cost_pico_usd, 6) / greatest(successes, 1)) AS pico_usd_per_success
FROM metering.usage_1h AS u
GROUP BY time, tenant, model, route;
