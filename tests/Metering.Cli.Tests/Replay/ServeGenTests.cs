using Metering.Cli.Replay;

namespace Metering.Cli.Tests.Replay;

public sealed class ServeGenTests : IDisposable
{
    private const string Windows = "model,client,t_s,req_per_s,iat_cv,arrival,param1,param2\nm,0,0,1.5,1,Gamma,1,0.7\nm,0,600,3,1,Weibull,0.5,1\nm,1,600,0.5,1,Gamma,0.1,1\n";
    private const string Tokens = "model,client,t_s,field,mean,p10,p50,p90,p99,max\nm,0,0,input_tokens,427.5,238,275,380,4826,5073\nm,0,0,output_tokens,147.5,0,73,196,1857,2576\n";

    private readonly TraceFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_directory_or_either_file_is_the_same_trace_and_other_files_do_not_matter()
    {
        var windows = _folder.Write("w.csv", Windows);
        var tokens = _folder.Write("t.csv.gz", TraceFolder.Gzip(Tokens));
        _folder.Write("notes.txt", "model");
        _folder.Write("empty.csv", "");
        var events = Traces.All(_folder.Path, new TraceOptions { Source = "s" });
        Assert.NotEmpty(events);
        foreach (var path in (string[])[windows, tokens])
            Assert.Equal(events.Select(e => e.Event.RequestId), Traces.All(path, new TraceOptions { Source = "s" }).Select(e => e.Event.RequestId));
        // A client without sizes of its own takes those of its model's busiest client.
        Assert.All(events, e => Assert.InRange(e.Event.InputTokens, 119, 5_073));
        Assert.All(events, e => Assert.InRange(e.Event.OutputTokens, 1, 2_576));
        Assert.Equal(["m-client-0", "m-client-1"], events.Select(e => e.Event.Tenant).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal));
        Assert.All(events.Where(e => e.Event.Tenant == "m-client-1"), e => Assert.InRange(e.OffsetMicros, 590_000_000, 1_200_000_000));
    }

    [Theory]
    [InlineData("m,0,1800,1,1,Pareto,1,1", "arrival is 'Pareto'; expected Gamma or Weibull")]
    [InlineData("m,0,1800,-1,1,Gamma,1,1", "req_per_s is '-1'")]
    [InlineData("m,0,1800,NaN,1,Gamma,1,1", "req_per_s is 'NaN'")]
    [InlineData("m,0,1800,1e300,1,Gamma,1,1", "at most 1,000,000")]
    [InlineData("m,0,x,1,1,Gamma,1,1", "t_s is 'x'")]
    [InlineData("m,1,700,1,1,Gamma,1,1", "rising order")]
    [InlineData("m,0", "has 2 fields")]
    public void A_bad_window_is_named(string row, string expected)
    {
        _folder.Write("w.csv", Windows + row + "\n");
        _folder.Write("t.csv", Tokens);
        Assert.Contains(expected, Traces.Fails(_folder.Path).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("m,0,0,input_tokens,1,5,4,6,7,8", "p50 is '4'; expected at least the quantile before it")]
    [InlineData("m,0,0,input_tokens,1,5,6,7,8,1e15", "max is '1e15'")]
    [InlineData("m,0,0,input_tokens,1,-5,4,6,7,8", "p10 is '-5'")]
    public void A_bad_distribution_is_named(string row, string expected)
    {
        _folder.Write("w.csv", Windows);
        _folder.Write("t.csv", Tokens + row + "\n");
        var error = Traces.Fails(_folder.Path);
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Equal(4, error.Line);
    }

    [Fact]
    public void A_folder_without_both_files_says_what_it_holds()
    {
        _folder.Write("w.csv", Windows);
        Assert.Contains("1 files of ServeGen's client windows and 0 of its client tokens", Traces.Fails(_folder.Path).Message, StringComparison.Ordinal);
        _folder.Write("t.csv", "model,client,t_s,field,mean,p10,p50,p90,p99,max\n");
        Assert.Contains("no client of model 'm' has input_tokens", Traces.Fails(_folder.Path).Message, StringComparison.Ordinal);
    }
}
