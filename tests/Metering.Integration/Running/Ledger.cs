using System.Globalization;

namespace Metering.Integration.Running;

/// <summary>ClickHouse's HTTP interface, asked as any client does.</summary>
internal sealed class Ledger(string url)
{
    private static readonly HttpClient Client = new() { Timeout = TimeSpan.FromSeconds(20) };

    /// <summary>One row of tab-separated fields.</summary>
    public async Task<string> RowAsync(string sql)
    {
        using var answer = await Client.PostAsync(url + "/?default_format=TSV", new StringContent(sql));
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(answer.IsSuccessStatusCode, text);
        return text.TrimEnd('\n');
    }

    public async Task<long> NumberAsync(string sql) => long.Parse(await RowAsync(sql), CultureInfo.InvariantCulture);

    /// <summary>Rows of a source.</summary>
    public Task<long> EventsAsync(string source) => NumberAsync($"SELECT count() FROM metering.token_events WHERE source = '{source}'");

    /// <summary>Rows, distinct identities and sums of a source.</summary>
    public async Task<Totals> TotalsAsync(string source)
    {
        var fields = (await RowAsync($"SELECT count(), uniqExact(epoch, sequence), sum(input_tokens), sum(output_tokens) FROM metering.token_events WHERE source = '{source}'")).Split('\t');
        var numbers = Array.ConvertAll(fields, f => long.Parse(f, CultureInfo.InvariantCulture));
        Assert.Equal(numbers[0], numbers[1]);
        return new Totals(numbers[0], numbers[2], numbers[3]);
    }
}

/// <summary>What a trace holds, counted without the program.</summary>
internal sealed record Totals(long Events, long InputTokens, long OutputTokens)
{
    public static Totals operator +(Totals a, Totals b) => new(a.Events + b.Events, a.InputTokens + b.InputTokens, a.OutputTokens + b.OutputTokens);
}
