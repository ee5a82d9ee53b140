using System.Globalization;
using Metering.Events;

namespace Metering.Cli.Workload;

/// <summary>Draws one request of a profile. What is fitted and what is assumed: docs/workload.md. One thread.</summary>
internal sealed class RequestMaker(SeededRandom random)
{
    private const double ErrorShare = 0.010;
    private const double CancelledShare = 0.012;
    private const double RejectedShare = 0.003;

    // A GPU decodes about this many answers at once: a request's share of its time.
    private const int RequestsPerGpu = 16;

    private static readonly ZipfLaw Tenants = new(WorkloadProfiles.Tenants.Count, WorkloadProfiles.TenantExponent);

    public TokenEvent Make(WorkloadProfile profile)
    {
        var tenant = WorkloadProfiles.Tenants[Tenants.Sample(random)];
        var model = Pick(profile.Models);
        var e = new TokenEvent
        {
            Tenant = tenant,
            ApiKey = string.Create(CultureInfo.InvariantCulture, $"k_{tenant}_{1 + Below(2)}"),
            Route = profile.Routes[Below(profile.Routes.Length)],
            Model = model.Name,
            ServedModel = model.Name,
            Provider = model.Provider,
            Pool = model.Pool,
            Node = model.Pool is null ? null : string.Create(CultureInfo.InvariantCulture, $"{model.Pool}-{1 + Below(model.Nodes):00}"),
            Operation = profile.Operation,
            Streamed = random.Chance(profile.Streamed),
        };
        DrawSizes(e, profile, model);
        DrawEnd(e);
        DrawTimes(e, model);
        return e;
    }

    private void DrawSizes(TokenEvent e, WorkloadProfile profile, WorkloadModel model)
    {
        var inputLevel = random.NextDouble();
        e.InputTokens = Math.Max(1, profile.Input.TokensAt(inputLevel));
        if (profile.Output is not null)
            e.OutputTokens = Math.Max(1, profile.Output.TokensAt(Coupled(inputLevel, profile.SizeCorrelation)));
        if (profile.ReasoningRatio is not null)
            e.ReasoningTokens = (long)(e.OutputTokens * profile.ReasoningRatio.At(random.NextDouble()));

        var quarter = Math.Min(3, (int)(inputLevel * 4));
        if (random.Chance(profile.CacheHitByQuarter[quarter]))
            e.CachedInputTokens = Math.Min(e.InputTokens, (long)(e.InputTokens * profile.CachedRatio.At(random.NextDouble())));
        else if (model.WritesCache && profile.CacheHitByQuarter[quarter] > 0)
            e.CacheWriteTokens = e.InputTokens * 4 / 5;
    }

    /// <summary>
    /// A level that equals the given one (or mirrors it) with probability |correlation| and is free otherwise: its rank
    /// correlation with the given level is then exactly that, and its own distribution stays uniform.
    /// </summary>
    private double Coupled(double level, double correlation)
    {
        var free = random.NextDouble();
        if (!random.Chance(Math.Abs(correlation)))
            return free;
        return correlation > 0 ? level : 1 - level;
    }

    private void DrawEnd(TokenEvent e)
    {
        var end = random.NextDouble();
        if (end < ErrorShare + RejectedShare)
        {
            // Nothing was answered, so nothing was used.
            e.Status = end < ErrorShare ? Status.Error : Status.Rejected;
            e.InputTokens = e.CachedInputTokens = e.CacheWriteTokens = e.OutputTokens = e.ReasoningTokens = 0;
        }
        else if (end < ErrorShare + RejectedShare + CancelledShare)
        {
            e.Status = Status.Cancelled;
            e.OutputTokens = (long)(e.OutputTokens * random.NextDouble());
            e.ReasoningTokens = Math.Min(e.ReasoningTokens, e.OutputTokens);
        }
        else
        {
            e.Status = Status.Ok;
        }
    }

    private void DrawTimes(TokenEvent e, WorkloadModel model)
    {
        const double MicrosPerSecond = 1e6;
        var queueUs = model.Pool is null ? 0 : -20_000 * Math.Log(random.NextOpenDouble());
        var uncached = e.InputTokens - e.CachedInputTokens;
        var prefillUs = 60_000 + (uncached * MicrosPerSecond / model.PrefillTokensPerSecond);
        var noise = Math.Exp(0.25 * random.NextNormal());
        var firstTokenUs = queueUs + (prefillUs * noise);
        var durationUs = firstTokenUs + (e.OutputTokens * MicrosPerSecond / model.DecodeTokensPerSecond * noise);
        if (model.Pool is not null)
        {
            e.QueueUs = (long)queueUs;
            e.GpuUs = (long)((durationUs - queueUs) / RequestsPerGpu);
            // The prompt is held all the time, the answer grows into it.
            e.KvTokenMs = (long)((e.InputTokens + (e.OutputTokens / 2.0)) * (durationUs - queueUs) / 1_000);
        }
        if (e.Streamed && e.OutputTokens > 0)
            e.TtftUs = (long)firstTokenUs;
        e.DurationUs = (long)durationUs;
    }

    private WorkloadModel Pick((WorkloadModel Model, int Weight)[] models)
    {
        var total = 0;
        foreach (var (_, weight) in models)
            total += weight;
        var left = Below(total);
        foreach (var (model, weight) in models)
        {
            left -= weight;
            if (left < 0)
                return model;
        }
        return models[^1].Model;
    }

    private int Below(int bound) => (int)(random.NextDouble() * bound);
}
